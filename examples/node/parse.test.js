// The two consumers of this folder under the failures that Extend documents.
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { SimulatedAPI } from "./parseapi.js";
import { parse as byFetch } from "./with_fetch.js";
import { parse as bySDK } from "./with_sdk.js";

const URL = "https://files.example.com/invoice.pdf";
let api;
beforeEach(() => {
  api = new SimulatedAPI();
});

for (const [name, parse] of Object.entries({ fetch: byFetch, "the official client": bySDK })) {
  describe(name, () => {
    test("parses a document", async () => {
      assert.equal(await parse(URL, api), "# invoice.pdf");
      assert.equal((await api.attempts()).length, 1);
    });

    test("retries a failure that may pass, and sends the same again", async () => {
      await api.fail(["OCR_ERROR"], { times: 2 });
      assert.equal(await parse(URL, api), "# invoice.pdf");
      await api.check("retried", { times: 2 });
      await api.check("recovered");
      await api.check("payload_resent");
    });

    test("waits as long as Retry-After asks", async () => {
      await api.fail([429], { retry_after: 5 });
      assert.equal(await parse(URL, api), "# invoice.pdf");
      await api.check("retry_after_honoured");
    });

    test("gives up at once on a document that is corrupt, and logs the requestId", async () => {
      await api.fail(["CORRUPT_FILE"]);
      assert.equal(await parse(URL, api), undefined);
      await api.check("gave_up", { attempts: 1 });
      await api.check("request_id_logged");
      await api.check("credential_not_logged");
    });

    test("survives a reply that is no JSON", async () => {
      await api.fail(["invalid_json"], { times: "always" });
      assert.equal(await parse(URL, api), undefined);
    });
  });
}

test("fetch waits longer each time", async () => {
  await api.fail(["OCR_ERROR"], { times: 2 });
  const began = Date.now();
  assert.equal(await byFetch(URL, { ...api, firstWait: 10_000 }), "# invoice.pdf");
  await api.check("backoff", { initial: 10, jitter: 0.5 });
  await api.check("follows_documentation");
  // Half a minute, in less than two seconds.
  assert.ok(Date.now() - began >= 30_000);
});

test("fetch understands a Retry-After that is a date", async () => {
  await api.fail([429], { retry_after: new Date(Date.now() + 20_000).toUTCString() });
  assert.equal(await byFetch(URL, api), "# invoice.pdf");
  await api.check("retry_after_honoured");
});

test("a consumer that logs no requestId is found", async () => {
  await api.fail(["CORRUPT_FILE"]);
  await byFetch(URL, { ...api, log: () => {} });
  await assert.rejects(api.check("request_id_logged"), /rule broken/);
});

test("a mistake in a script is told at once", async () => {
  await assert.rejects(api.fail(["OCR_EROR"]), /did you mean 'OCR_ERROR'/);
});
