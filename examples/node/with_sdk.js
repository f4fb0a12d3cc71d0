// Parses one document with Extend's own client, which retries 408, 429 and 5xx twice by itself.
//
//   node with_sdk.js https://files.example.com/invoice.pdf
import { fileURLToPath } from "node:url";
import { ExtendClient, ExtendError } from "extend-ai";

export async function parse(url, { token, baseUrl, log = console.error }) {
  const client = new ExtendClient({ token, baseUrl, timeoutInSeconds: 30 });
  try {
    const run = await client.parse({ file: { url } });
    // The client resolves with a 200 whatever its body is, also where that is no JSON.
    if (Array.isArray(run?.output?.chunks)) {
      return run.output.chunks.map((chunk) => chunk.content).join("\n");
    }
    log("parse failed: a reply without the parsed document");
  } catch (error) {
    if (!(error instanceof ExtendError)) throw error;
    const { code, requestId } = error.body ?? {};
    log(`parse failed: ${error.statusCode} ${code}, requestId ${requestId}`);
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { EXTEND_API_KEY, EXTEND_BASE_URL } = process.env;
  const text = await parse(process.argv[2], { token: EXTEND_API_KEY, baseUrl: EXTEND_BASE_URL });
  if (text !== undefined) console.log(text);
  // After a failed attempt the client leaves a timer or a connection open, which would hold the
  // process for as long as its time-out.
  process.exit(text === undefined ? 1 : 0);
}
