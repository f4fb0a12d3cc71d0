// Lets this process's time run PARSEAPI_SPEED times faster, together with the simulated API's.
//
//   node --import ./faster.js --test
//
// Timers end sooner, and clocks advance faster, from the moment that the server's clock shows now:
// so a Retry-After that is a date means the same on both sides.
import { createRequire, syncBuiltinESMExports } from "node:module";

const { PARSEAPI_URL, PARSEAPI_SPEED = "1" } = process.env;
const speed = Number(PARSEAPI_SPEED);

if (PARSEAPI_URL && speed !== 1) {
  const real = { now: performance.now.bind(performance), setTimeout, setInterval, Date };
  const asked = real.now();
  const { now, time } = await (await fetch(`${PARSEAPI_URL}/__parseapi/health`)).json();
  const began = (asked + real.now()) / 2;
  const elapsed = () => (real.now() - began) * speed;

  performance.now = () => now * 1000 + elapsed();
  globalThis.Date = class extends real.Date {
    constructor(...given) {
      super(...(given.length ? given : [globalThis.Date.now()]));
    }
    static now() {
      return Math.floor(time * 1000 + elapsed());
    }
  };
  const faster = (timer) =>
    Object.assign((call, wait = 0, ...rest) => timer(call, wait / speed, ...rest), timer);
  globalThis.setTimeout = faster(real.setTimeout);
  globalThis.setInterval = faster(real.setInterval);

  const require = createRequire(import.meta.url);
  const timers = require("node:timers");
  timers.setTimeout = globalThis.setTimeout;
  timers.setInterval = globalThis.setInterval;
  const promises = require("node:timers/promises");
  const sleep = promises.setTimeout;
  promises.setTimeout = (wait = 0, ...rest) => sleep(wait / speed, ...rest);
  const wait = promises.scheduler.wait.bind(promises.scheduler);
  promises.scheduler.wait = (delay, ...rest) => wait(delay / speed, ...rest);
  syncBuiltinESMExports();

  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (delay) => timeout(Math.ceil(delay / speed));
}
