"""Who makes the next attempt at a job: each function brings one to its end."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import queue
import sched
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import celery
import celery.signals
import dramatiq
import trio
from celery.contrib.testing.worker import start_worker
from dramatiq.brokers.stub import StubBroker

# Else a worker of Celery takes the root logger over, for all tests that come after.
celery.signals.setup_logging.connect(lambda **_: None, weak=False)
WORKERS = 3
APPS = itertools.count()


def in_a_loop(job):
    while (pause := job.step()) is not None:
        time.sleep(pause)


def by_a_generator(job):
    def attempts():
        pause = 0.0
        while pause is not None:
            time.sleep(pause)
            pause = yield

    pauses = attempts()
    next(pauses)
    try:
        while True:
            pauses.send(job.step())
    except StopIteration:
        pass


def by_recursion(job):
    pause = job.step()
    if pause is not None:
        time.sleep(pause)
        by_recursion(job)


def by_a_thread_for_each_attempt(job):
    found = []
    while True:
        thread = threading.Thread(target=lambda: found.append(job.step()))
        thread.start()
        thread.join()
        if found[-1] is None:
            return
        time.sleep(found[-1])


def by_timers(job):
    def attempt():
        pause = job.step()
        if pause is not None:
            threading.Timer(pause, attempt).start()

    threading.Timer(0, attempt).start()
    job.over.wait(3600)


def by_a_pool(job):
    with ThreadPoolExecutor(WORKERS) as pool:
        while (pause := pool.submit(job.step).result()) is not None:
            time.sleep(pause)


def by_a_thread_pool_of_multiprocessing(job):
    with ThreadPool(WORKERS) as pool:
        while (pause := pool.apply(job.step)) is not None:
            time.sleep(pause)


def by_the_scheduler_of_the_stdlib(job):
    scheduler = sched.scheduler()

    def attempt():
        pause = job.step()
        if pause is not None:
            scheduler.enter(pause, 1, attempt)

    scheduler.enter(0, 1, attempt)
    scheduler.run()


def by_workers_that_sleep_before_they_put_back(job):
    jobs = queue.Queue()

    def work():
        while jobs.get() is not None:
            pause = job.step()
            if pause is not None:
                time.sleep(pause)
                jobs.put(job)

    with_workers(work, [job], jobs)


def by_workers_and_a_heap_of_due_jobs(job):
    jobs, changed, count = [], threading.Condition(), itertools.count()

    def put(pause):
        with changed:
            heapq.heappush(jobs, (time.monotonic() + pause, next(count)))
            changed.notify()

    def take():
        with changed:
            while not job.over.is_set():
                left = jobs[0][0] - time.monotonic() if jobs else None
                if left is not None and left <= 0:
                    return heapq.heappop(jobs)
                changed.wait(left)
        return None

    def work():
        while take():
            pause = job.step()
            if pause is not None:
                put(pause)
        with changed:
            changed.notify_all()

    put(0)
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_workers_that_look_into_a_table(job):
    """They sleep between two looks, as workers of an outbox do: whoever is awake takes the job."""
    due, lock = [time.monotonic()], threading.Lock()

    def take():
        with lock:
            return bool(due) and due[0] <= time.monotonic() and bool(due.pop())

    def work():
        while not job.over.is_set():
            if not take():
                time.sleep(0.5)
                continue
            pause = job.step()
            if pause is not None:
                with lock:
                    due.append(time.monotonic() + pause)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def with_workers(work, jobs, waiting):
    """Let threads bring jobs to their end that wait in a queue."""
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for job in jobs:
        waiting.put(job)
    for job in jobs:
        job.over.wait(3600)
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()


def by_a_task_for_each_attempt(job):
    async def main():
        while (pause := await asyncio.create_task(job.step_async())) is not None:  # noqa: ASYNC110
            await asyncio.sleep(pause)

    asyncio.run(main())


def by_a_chain_of_tasks(job):
    async def main():
        ended, tasks = asyncio.Event(), []

        async def attempt(wait):
            await asyncio.sleep(wait)
            pause = await job.step_async()
            if pause is None:
                ended.set()
            else:
                tasks.append(asyncio.create_task(attempt(pause)))

        tasks.append(asyncio.create_task(attempt(0)))
        await ended.wait()
        await asyncio.gather(*tasks)

    asyncio.run(main())


def by_an_asyncio_queue(job):
    async def main():
        jobs, loop = asyncio.Queue(), asyncio.get_running_loop()
        ended = asyncio.Event()

        async def work():
            while True:
                await jobs.get()
                pause = await job.step_async()
                if pause is None:
                    ended.set()
                elif pause:
                    loop.call_later(pause, jobs.put_nowait, job)
                else:
                    jobs.put_nowait(job)

        workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
        jobs.put_nowait(job)
        await ended.wait()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    asyncio.run(main())


def by_threads_of_a_loop(job):
    async def main():
        while (pause := await asyncio.to_thread(job.step)) is not None:  # noqa: ASYNC110
            await asyncio.sleep(pause)

    asyncio.run(main())


def by_nurseries_of_trio(job):
    async def main():
        found = []

        async def attempt():
            found.append(await job.step_async())

        while not found or found[-1] is not None:
            if found:
                await trio.sleep(found[-1])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attempt)

    trio.run(main)


def by_a_worker_of_celery(job):
    app = celery.Celery(f"zoo {next(APPS)}", broker="memory://", set_as_current=False)
    # The broker in memory is one for the whole process.
    app.conf.task_default_queue = app.main

    @app.task(bind=True, max_retries=None, name=app.main, ignore_result=True)
    def parse(self):
        pause = job.step()
        if pause is not None:
            raise self.retry(countdown=pause)

    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
        parse.delay()
        assert job.over.wait(3600)


def by_a_worker_of_dramatiq(job):
    broker = StubBroker(middleware=[])
    broker.emit_after("process_boot")

    @dramatiq.actor(broker=broker)
    def parse():
        pause = job.step()
        if pause is not None:
            parse.send_with_options(delay=round(pause * 1000))

    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=WORKERS)
    worker.start()
    try:
        parse.send()
        assert job.over.wait(3600)
    finally:
        worker.stop()
        broker.close()


TASK_QUEUES = (by_a_worker_of_celery, by_a_worker_of_dramatiq)
BY_TIMES_OF_DAY = (
    *TASK_QUEUES,
    by_workers_and_a_heap_of_due_jobs,
    by_workers_that_look_into_a_table,
    by_the_scheduler_of_the_stdlib,
)
"""Those that wait until a moment, so that their waits are equal to some milliseconds alone."""
ARCHITECTURES = (
    in_a_loop,
    by_a_generator,
    by_recursion,
    by_a_thread_for_each_attempt,
    by_timers,
    by_a_pool,
    by_a_thread_pool_of_multiprocessing,
    by_the_scheduler_of_the_stdlib,
    by_workers_that_sleep_before_they_put_back,
    by_workers_and_a_heap_of_due_jobs,
    by_workers_that_look_into_a_table,
    by_a_task_for_each_attempt,
    by_a_chain_of_tasks,
    by_an_asyncio_queue,
    by_threads_of_a_loop,
    by_nurseries_of_trio,
    *TASK_QUEUES,
)
