// The simulated Extend API for one test: scripts, record and checks of its own, by a token.
import { randomUUID } from "node:crypto";

export class SimulatedAPI {
  constructor(server = process.env.PARSEAPI_URL) {
    this.baseUrl = `${server}/s/${randomUUID()}`;
    this.token = "sk_test_0123456789";
    this.logged = [];
    this.log = (line) => this.logged.push(line);
  }

  async #post(path, body) {
    const response = await fetch(`${this.baseUrl}/__parseapi/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Lets the next requests fail: `api.fail(["OCR_ERROR", 429], { times: 2 })`. */
  async fail(errors, more = {}) {
    const { status, body } = await this.#post("fail", { errors, ...more });
    if (status !== 200) throw new Error(body.text);
  }

  /** Runs a check of pytest-parseapi, such as `backoff`; throws what it says where it fails. */
  async check(name, more = {}) {
    const text = this.logged.join("\n");
    const logs = name.includes("logged") || name === "follows_documentation" ? { text } : {};
    const { status, body } = await this.#post(`check/${name}`, { ...logs, ...more });
    if (status !== 200) throw new Error(body.text);
  }

  /** Every request so far, oldest first. */
  async attempts() {
    return (await fetch(`${this.baseUrl}/__parseapi/attempts`)).json();
  }
}
