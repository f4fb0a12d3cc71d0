"""Many documents at once: each function brings all jobs to their end, in its own architecture."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import itertools
import queue
import threading
import time

import anyio
import trio
from architectures import WORKERS, with_workers


def by_rounds_of_gather(jobs):
    async def main():
        left = list(jobs)
        while left:
            pauses = await asyncio.gather(*(job.step_async() for job in left))
            again = [
                (job, pause) for job, pause in zip(left, pauses, strict=True) if pause is not None
            ]
            if again:
                await asyncio.sleep(max(pause for _, pause in again))
            left = [job for job, _ in again]

    asyncio.run(main())


def by_tasks_with_one_semaphore(jobs):
    async def main():
        gate = asyncio.Semaphore(2)

        async def bring(job):
            while True:
                async with gate:
                    pause = await job.step_async()
                if pause is None:
                    return
                await asyncio.sleep(pause)

        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(bring(job))

    asyncio.run(main())


def by_waiting_for_the_first_task(jobs):
    async def main():
        async def later(pause, job):
            await asyncio.sleep(pause)
            return await job.step_async()

        pending = {asyncio.create_task(job.step_async()): job for job in jobs}
        while pending:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                job, pause = pending.pop(task), task.result()
                if pause is not None:
                    pending[asyncio.create_task(later(pause, job))] = job

    asyncio.run(main())


def by_a_loop_for_each_attempt(jobs):
    for job in jobs:
        while (pause := asyncio.run(job.step_async())) is not None:
            time.sleep(pause)


def by_rounds_of_a_pool(jobs):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        left = list(jobs)
        while left:
            futures = {pool.submit(job.step): job for job in left}
            done = [
                (futures[item], item.result()) for item in concurrent.futures.as_completed(futures)
            ]
            again = [(job, pause) for job, pause in done if pause is not None]
            if again:
                time.sleep(max(pause for _, pause in again))
            left = [job for job, _ in again]


def by_a_pool_that_sleeps(jobs):
    def later(pause, job):
        time.sleep(pause)
        return job.step()

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        pending = {pool.submit(job.step): job for job in jobs}
        while pending:
            done, _ = concurrent.futures.wait(pending, return_when="FIRST_COMPLETED")
            for future in done:
                job, pause = pending.pop(future), future.result()
                if pause is not None:
                    pending[pool.submit(later, pause, job)] = job


def by_callbacks_of_futures(jobs):
    pool = concurrent.futures.ThreadPoolExecutor(WORKERS)

    def start(job):
        pool.submit(job.step).add_done_callback(functools.partial(after, job))

    def after(job, future):
        pause = future.result()
        if pause == 0:
            start(job)
        elif pause is not None:
            threading.Timer(pause, start, [job]).start()

    for job in jobs:
        start(job)
    for job in jobs:
        job.over.wait(3600)
    pool.shutdown()


def by_workers_and_timers(jobs):
    waiting = queue.Queue()

    def work():
        while (job := waiting.get()) is not None:
            pause = job.step()
            if pause == 0:
                waiting.put(job)
            elif pause is not None:
                threading.Timer(pause, waiting.put, [job]).start()

    with_workers(work, jobs, waiting)


def by_workers_that_look_for_due_jobs(jobs):
    waiting, count = queue.PriorityQueue(), itertools.count()

    def work():
        while not all(job.over.is_set() for job in jobs):
            try:
                due, number, job = waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            if due > time.monotonic():
                waiting.put((due, number, job))
                time.sleep(0.05)
                continue
            pause = job.step()
            if pause is not None:
                waiting.put((time.monotonic() + pause, next(count), job))

    for job in jobs:
        waiting.put((0, next(count), job))
    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_an_asyncio_queue_and_tasks_that_put_back(jobs):
    async def main():
        waiting, tasks = asyncio.Queue(), set()

        async def put(pause, job):
            await asyncio.sleep(pause)
            await waiting.put(job)
            waiting.task_done()

        async def work():
            while True:
                job = await waiting.get()
                pause = await job.step_async()
                if pause is None:
                    waiting.task_done()
                else:
                    tasks.add(asyncio.create_task(put(pause, job)))

        workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
        for job in jobs:
            waiting.put_nowait(job)
        await waiting.join()
        for worker in workers:
            worker.cancel()

    asyncio.run(main())


def by_callbacks_of_a_loop(jobs):
    async def main():
        loop, tasks = asyncio.get_running_loop(), set()
        ended, left = asyncio.Event(), list(jobs)

        def start(job):
            task = asyncio.ensure_future(job.step_async())
            tasks.add(task)
            task.add_done_callback(functools.partial(after, job))

        def after(job, task):
            pause = task.result()
            if pause is not None:
                loop.call_later(pause, start, job)
                return
            left.remove(job)
            if not left:
                ended.set()

        for job in jobs:
            start(job)
        await ended.wait()

    asyncio.run(main())


def by_channels_of_trio(jobs):
    async def main():
        sender, receiver = trio.open_memory_channel(len(jobs))

        async def later(pause, job):
            await trio.sleep(pause)
            await sender.send(job)

        async def work():
            while True:
                job = await receiver.receive()
                pause = await job.step_async()
                if pause is not None:
                    nursery.start_soon(later, pause, job)
                elif all(each.over.is_set() for each in jobs):
                    nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(work)
            for job in jobs:
                await sender.send(job)

    trio.run(main)


def by_groups_of_anyio(jobs):
    async def main():
        limiter = anyio.CapacityLimiter(WORKERS)

        async def bring(job):
            async with limiter:
                pause = await job.step_async()
            if pause is not None:
                await anyio.sleep(pause)
                group.start_soon(bring, job)

        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(bring, job)

    anyio.run(main)


def by_threads_of_a_loop(jobs):
    async def main():
        async def bring(job):
            while (pause := await asyncio.to_thread(job.step)) is not None:  # noqa: ASYNC110
                await asyncio.sleep(pause)

        await asyncio.gather(*map(bring, jobs))

    asyncio.run(main())


def by_threads_with_one_lock(jobs):
    lock = threading.Lock()

    def bring(job):
        while True:
            with lock:
                pause = job.step()
            if pause is None:
                return
            time.sleep(pause)

    threads = [threading.Thread(target=bring, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


WITH_A_TURN = (
    by_tasks_with_one_semaphore,
    by_callbacks_of_futures,
    by_workers_and_timers,
    by_an_asyncio_queue_and_tasks_that_put_back,
    by_channels_of_trio,
    by_threads_with_one_lock,
)
"""Those whose retry waits in a queue while others are at work, also where it asks for no wait."""
BATCHES = (
    by_rounds_of_gather,
    by_tasks_with_one_semaphore,
    by_waiting_for_the_first_task,
    by_a_loop_for_each_attempt,
    by_rounds_of_a_pool,
    by_a_pool_that_sleeps,
    by_callbacks_of_futures,
    by_workers_and_timers,
    by_workers_that_look_for_due_jobs,
    by_an_asyncio_queue_and_tasks_that_put_back,
    by_callbacks_of_a_loop,
    by_channels_of_trio,
    by_groups_of_anyio,
    by_threads_of_a_loop,
    by_threads_with_one_lock,
)
