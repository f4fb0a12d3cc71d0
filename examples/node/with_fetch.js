// Parses one document with fetch alone, which retries nothing by itself.
//
//   node with_fetch.js https://files.example.com/invoice.pdf
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ATTEMPTS = 4;

async function attempt(url, { token, baseUrl }) {
  const response = await fetch(`${baseUrl}/parse`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "x-extend-api-version": "2026-02-09",
    },
    body: JSON.stringify({ file: { url } }),
    signal: AbortSignal.timeout(30_000),
  });
  // A gateway answers with a page, and a broken connection with half of a body.
  const body = await response.json().catch(() => ({}));
  const retryAfter = milliseconds(response.headers.get("retry-after"));
  const ok = response.ok && body.output !== undefined;
  return { ok, status: response.status, retryAfter, body };
}

/** What Retry-After asks for: it has seconds, or the date of a moment. */
function milliseconds(retryAfter) {
  if (retryAfter === null) return 0;
  const seconds = Number(retryAfter);
  return Number.isNaN(seconds) ? Math.max(0, Date.parse(retryAfter) - Date.now()) : seconds * 1000;
}

export async function parse(url, { firstWait = 1000, log = console.error, ...service }) {
  for (let number = 1; ; number++) {
    let failure;
    try {
      const { ok, status, retryAfter, body } = await attempt(url, service);
      if (ok) return body.output.chunks.map((chunk) => chunk.content).join("\n");
      const { code = "no code", requestId = "none" } = body;
      const retryable = body.retryable ?? (status === 429 || status >= 500 || status === 200);
      failure = { retryable, retryAfter, text: `${status} ${code}, requestId ${requestId}` };
    } catch (error) {
      failure = { retryable: true, retryAfter: 0, text: String(error.cause?.code ?? error) };
    }
    log(`attempt ${number} failed: ${failure.text}`);
    if (!failure.retryable || number === ATTEMPTS) return undefined;
    await sleep(failure.retryAfter || firstWait * 2 ** (number - 1));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const {
    EXTEND_API_KEY,
    EXTEND_BASE_URL = "https://api.extend.ai",
    FIRST_WAIT_MS = "1000",
  } = process.env;
  const service = { token: EXTEND_API_KEY, baseUrl: EXTEND_BASE_URL };
  const text = await parse(process.argv[2], { ...service, firstWait: Number(FIRST_WAIT_MS) });
  if (text !== undefined) console.log(text);
  process.exitCode = text === undefined ? 1 : 0;
}
