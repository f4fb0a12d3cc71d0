// One card for each test.

const titles = Object.fromEntries(report.providers.map((provider) => [provider.name, provider.title]));

const sources = Object.fromEntries(report.providers.map((provider) =>
  [provider.name, Object.fromEntries(provider.errors.map((error) => [error.code, error.source]))]));

// A line that is too long goes on below its value, not below its label.
const LABELLED = /^ {2}(operation|expected|seen|nearest|next) +\S|^ {13}/;
const lineOf = (line) => el("span", { class: LABELLED.test(line) ? "line labelled" : "line" }, line);

// Double quotes where they are enough: they work in every shell.
function quoted(text) {
  if (/^[\w./:@%+=,-]+$/.test(text)) return text;
  return /["$`\\!%]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
const commandOf = (test) => `pytest ${quoted(test.id)}`;

function copyButton(test) {
  const command = commandOf(test);
  const button = el("button", { type: "button", class: "copy", title: command, "data-command": command }, "copy command");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(command)) ? "copied" : command;
    if (button.textContent === "copied") setTimeout(() => { button.textContent = "copy command"; }, 1500);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Some browsers give a page from a file no clipboard: the old way, else the text is shown.
    const field = el("textarea", { class: "aside" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

function testCard(test) {
  const [, path, name] = /^(.*?::)?(.*)$/s.exec(test.id);
  const errors = new Map(), checks = new Map();
  for (const api of test.apis) {
    for (const [code, surface] of api.received) {
      const source = (sources[api.provider] || {})[code] || "";
      const name = surface === "http" ? code : `${code} (${surface})`;
      errors.set(name, isPage(source) ? source : "");
    }
    for (const check of api.checks) checks.set(check, "");
  }
  const list = (label, values) => values.size
    ? el("span", {}, [`${label} `, ...[...values].flatMap(([value, page]) => [el("code", {}, page ? linkTo(page, value) : value), ", "]).slice(0, -1)])
    : null;
  const [first] = test.message.split("\n");
  // The picture in the message is drawn here.
  const message = test.message.split(/\n\ntimeline of /)[0];
  const picture = test.apis.flatMap((api) => [
    test.apis.length > 1 ? el("div", { class: "facts" }, titles[api.provider] || api.provider) : null,
    api.attempts.length ? timeline(api, rulesOf(test)) : null,
    api.left_out ? el("div", { class: "facts" }, `${api.left_out} more attempts in the middle`) : null,
    ...api.runs.map((run) => el("div", { class: "facts" }, el("span", {}, [
      "run ", el("code", {}, run.id), ` of ${run.document}: `, el("code", {}, [run.status, run.failure_reason].filter(Boolean).join(" ")),
    ]))),
  ]);
  return el("article", { class: `card test ${test.outcome}`, "data-id": test.id }, [
    el("div", { class: "about-test" }, [
      el("header", {}, [
        el("span", { class: "outcome" }, labelOfOutcome(test.outcome)),
        el("h3", {}, [el("span", {}, path || ""), ...broken(name)]),
      ]),
      el("div", { class: "facts" }, [
        list("received", errors),
        checks.size ? list("checked by", checks) : test.outcome === "passed" ? el("span", {}, "no check ran") : null,
        test.tries > 1 ? el("span", {}, `${test.tries} tries`) : null,
        el("span", { class: "place" }, [test.file ? el("code", {}, placeOf(test)) : null, copyButton(test)]),
      ]),
    ]),
    el("div", { class: "picture" }, picture),
    rulesOf(test).length ? el("ul", { class: "broken" }, rulesOf(test).map((rule) => el("li", {}, [
      el("code", {}, broken(rule.name)), el("span", {}, ` ${rule.rule} `), rule.page ? linkTo(rule.page) : null,
    ]))) : null,
    test.message ? el("details", { class: "message", open: test.outcome === "failed" && counts.failed <= 3 }, [
      el("summary", {}, first), el("pre", {}, message.split("\n").map(lineOf)),
    ]) : null,
  ]);
}
