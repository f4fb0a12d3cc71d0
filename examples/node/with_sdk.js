// Parses one document with Extend's own client, which retries 408, 429 and 5xx twice by itself.
//
//   node with_sdk.js https://files.example.com/invoice.pdf
import { ExtendClient, ExtendError } from "extend-ai";

const { EXTEND_API_KEY, EXTEND_BASE_URL } = process.env;
const client = new ExtendClient({
  token: EXTEND_API_KEY,
  baseUrl: EXTEND_BASE_URL,
  timeoutInSeconds: 30,
});

let status = 0;
try {
  const run = await client.parse({ file: { url: process.argv[2] } });
  console.log(run.output.chunks.map((chunk) => chunk.content).join("\n"));
} catch (error) {
  if (!(error instanceof ExtendError)) throw error;
  const { code, requestId } = error.body ?? {};
  console.error(`parse failed: ${error.statusCode} ${code}, requestId ${requestId}`);
  status = 1;
}
// After a failed attempt the client leaves a timer or a connection open, which would hold the
// process for as long as its time-out.
process.exit(status);
