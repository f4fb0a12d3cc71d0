// Parses one document with fetch alone, which retries nothing by itself.
//
//   node with_fetch.js https://files.example.com/invoice.pdf
import { setTimeout as sleep } from "node:timers/promises";

const { EXTEND_API_KEY, EXTEND_BASE_URL = "https://api.extend.ai", FIRST_WAIT_MS = "1000" } =
  process.env;
const ATTEMPTS = 4;

async function attempt(url) {
  const response = await fetch(`${EXTEND_BASE_URL}/parse`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${EXTEND_API_KEY}`,
      "content-type": "application/json",
      "x-extend-api-version": "2026-02-09",
    },
    body: JSON.stringify({ file: { url } }),
    signal: AbortSignal.timeout(30_000),
  });
  // A gateway answers with a page, and a broken connection with half of a body.
  const body = await response.json().catch(() => ({}));
  return { ok: response.ok && body.output !== undefined, status: response.status, body };
}

async function parse(url) {
  for (let number = 1; ; number++) {
    let failure;
    try {
      const { ok, status, body } = await attempt(url);
      if (ok) return body.output.chunks.map((chunk) => chunk.content).join("\n");
      const { code = "no code", requestId = "none" } = body;
      const retryable = body.retryable ?? (status >= 500 || status === 200);
      failure = { retryable, text: `${status} ${code}, requestId ${requestId}` };
    } catch (error) {
      failure = { retryable: true, text: String(error.cause?.code ?? error) };
    }
    console.error(`attempt ${number} failed: ${failure.text}`);
    if (!failure.retryable || number === ATTEMPTS) return undefined;
    await sleep(Number(FIRST_WAIT_MS) * 2 ** (number - 1));
  }
}

const text = await parse(process.argv[2]);
if (text !== undefined) console.log(text);
process.exitCode = text === undefined ? 1 : 0;
