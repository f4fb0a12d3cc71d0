// Starts the simulated API once, runs the tests (*.test.js) beside this file, and stops it.
//
//   node run_tests.js [parse.test.js ...]
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const { PYTHON = "python", PARSEAPI_SPEED = "20" } = process.env;
const command = ["-m", "pytest_parseapi", "serve", "extend", "--speed", PARSEAPI_SPEED];
const server = spawn(PYTHON, command, { stdio: ["ignore", "pipe", "inherit"] });
const lines = createInterface({ input: server.stdout });
const first = await new Promise((resolve, reject) => {
  lines.once("line", resolve);
  server.once("error", reject);
  server.once("exit", () => reject(new Error("the server did not start")));
});
const PARSEAPI_URL = first.match(/http:\S+/)[0];

const only = process.argv.slice(2);
const tests = spawn(process.execPath, ["--import", "./faster.js", "--test", ...only], {
  cwd: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
  env: { ...process.env, PARSEAPI_URL, PARSEAPI_SPEED },
  stdio: "inherit",
});
process.exitCode = await new Promise((resolve) => tests.once("exit", (code) => resolve(code ?? 1)));
server.kill();
