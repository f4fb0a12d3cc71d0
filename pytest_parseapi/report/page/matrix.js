// The matrix of errors by surface.

const MARKS = { checked: "✓", simulated: "!", missing: "–", unused: "" };
const SAYS = {
  checked: "checked", simulated: "simulated, not checked", missing: "never simulated",
  unused: "not used by any test",
};
const faultCounts = {};
for (const test of report.tests) {
  for (const api of test.apis) {
    for (const [code] of api.received) {
      if (!(code in report.faults)) continue;
      const row = ((faultCounts[api.provider] ||= {})[code] ||= { simulated: 0, checked: 0, in_use: true });
      row.simulated += 1;
      if (api.checks.length && test.outcome === "passed") row.checked += 1;
    }
  }
}

function cell(provider, code, surface, row) {
  const kind = state(row);
  const text = `${code}, ${surface}: ${SAYS[kind]}` +
    (row.simulated ? `, simulated in ${row.simulated} and checked in ${row.checked} tests` : "");
  const mark = el("span", { class: `mark ${kind}` }, MARKS[kind]);
  if (!row.simulated) return el("td", { class: "s" }, el("span", { "aria-label": text, title: text, role: "img" }, mark));
  const button = el("button", { type: "button", "aria-label": text, title: text }, mark);
  button.addEventListener("click", () => {
    reset();
    Object.assign(filter, { provider, surface, error: code });
    show();
    $("tests-title").scrollIntoView({ behavior: "smooth" });
  });
  return el("td", { class: "s" }, button);
}

function matrix(provider) {
  const rows = report.coverage.filter((row) => row.provider === provider.name);
  const used = rows.filter((row) => row.in_use);
  const faults = faultCounts[provider.name] || {};
  const shown = SURFACES.filter((surface) => rows.some((row) => row.surface === surface));
  const head = (first) => el("thead", {}, el("tr", {}, [
    el("th", {}, first), el("th", { class: "about" }, "meaning"), ...shown.map((surface) => el("th", { class: "s", scope: "col" }, surface)),
  ]));
  const body = provider.errors.map((error) => el("tr", { title: error.description }, [
    el("th", { scope: "row" }, el("div", {}, [
      el("span", { class: "status" }, String(error.status)),
      el("span", { class: "what" }, [
        isPage(error.source) ? linkTo(error.source, el("code", {}, broken(error.code))) : el("code", {}, broken(error.code)),
        error.retryable ? el("span", { class: "tag" }, "retry") : null,
        error.basis === "documented" ? null : el("span", { class: "tag basis" }, error.basis),
      ]),
    ])),
    el("td", { class: "about" }, error.description),
    ...shown.map((surface) => {
      const row = rows.find((item) => item.code === error.code && item.surface === surface);
      return row ? cell(provider.name, error.code, surface, row) : el("td", { class: "s" });
    }),
  ]));
  const bar = el("div", { class: "bar" }, ["checked", "simulated", "missing"].filter((kind) =>
    among(used, kind)).map((kind) => el("i", { class: kind, style: `flex:${among(used, kind)}` })));
  const faultRows = Object.keys(report.faults).map((name) => el("tr", { title: report.faults[name] }, [
    el("th", { scope: "row" }, el("div", {}, el("code", {}, name))),
    el("td", { class: "about" }, report.faults[name]),
    cell(provider.name, name, "http", faults[name] || { simulated: 0, checked: 0, in_use: true }),
    ...shown.slice(1).map(() => el("td", { class: "s" })),
  ]));
  return el("article", { class: "card matrix", "data-provider": provider.name }, [
    el("header", {}, [
      el("h3", {}, provider.title),
      el("span", { class: "share" }, `${among(used, "checked")} of ${used.length} checked`),
    ]),
    bar,
    el("table", {}, [head("error"), el("tbody", {}, body)]),
    el("details", { class: "faults" }, [
      el("summary", {}, `Network faults: ${Object.values(faults).filter((row) => row.checked).length} of ${faultRows.length} checked (outside of the percentage)`),
      el("table", {}, el("tbody", {}, faultRows)),
    ]),
  ]);
}
const inUse = new Set(counted.map((row) => row.provider));
$("matrices").classList.toggle("single", inUse.size === 1);
$("matrices").append(...report.providers.filter((item) => inUse.has(item.name)).map(matrix));
for (const item of report.providers) {
  if (!inUse.has(item.name)) $("matrices").append(el("div", { class: "card idle" }, `${item.title}: not used by any test`));
}
