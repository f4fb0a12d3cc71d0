// The sweep: places by failures, a verdict each; a click shows the timeline and what to paste.

const WORST = ["endless", "crashed", "unnoticed", "not recovered"];
const GOOD = ["recovered", "handled"];
const sweptKind = (result) => {
  if (result.accepted) return "neutral";
  if (WORST.includes(result.verdict)) return "missing";
  if (result.broken.length) return "simulated";
  return GOOD.includes(result.verdict) ? "checked" : "neutral";
};
const SWEPT_MARKS = { missing: "!", simulated: "§", checked: "✓", neutral: "·" };
const SWEPT_ORDER = ["missing", "simulated", "neutral", "checked"];
const worseFirst = (one, other) =>
  SWEPT_ORDER.indexOf(sweptKind(one)) - SWEPT_ORDER.indexOf(sweptKind(other)) ||
  WORST.indexOf(one.verdict) - WORST.indexOf(other.verdict) || natural(one.test, other.test);
const saysOf = (result) =>
  [result.verdict, ...result.broken.map((rule) => `broke ${rule}`), result.accepted ? "accepted" : ""].filter(Boolean).join(", ");

function sweptDetail(results) {
  const [first] = results;
  const pre = (label, text) => text ? el("div", {}, [el("h4", {}, label), el("pre", {}, text)]) : null;
  $("sweep-detail").replaceChildren(
    el("header", {}, [
      el("h3", {}, `${saysOf(first)}: ${first.failure}`),
      el("p", { class: "facts" }, [el("code", {}, first.place), " ", el("code", {}, first.where)]),
    ]),
    el("p", {}, first.why),
    first.accepted ? el("p", {}, `accepted: ${first.accepted}`) : "",
    ...[pre("paste into " + first.test, first.lines.join("\n")), pre("timeline", first.timeline)].filter(Boolean),
    el("ul", { class: "facts" }, results.slice(1).map((item) => el("li", {}, `also in ${item.test}: ${saysOf(item)}`))),
  );
  $("sweep-detail").hidden = false;
  $("sweep-detail").scrollIntoView({ behavior: "smooth", block: "nearest" });
}

function sweptCell(place, failure, results) {
  if (!results) return el("td", { class: "s" });
  results.sort(worseFirst);
  const kind = sweptKind(results[0]);
  const text = `${place}, ${failure}: ${saysOf(results[0])}`;
  const button = el("button", { type: "button", "aria-label": text, title: text },
    el("span", { class: `mark ${kind}` }, SWEPT_MARKS[kind]));
  button.addEventListener("click", () => sweptDetail(results));
  return el("td", { class: "s" }, button);
}

function sweptTable(section) {
  const places = new Map(), failures = new Map();
  for (const result of section.results) {
    const key = `${result.provider} ${result.place} ${result.where}`;
    if (!places.has(key)) places.set(key, { ...result, cells: new Map() });
    const { cells } = places.get(key);
    if (!cells.has(result.failure)) cells.set(result.failure, []);
    cells.get(result.failure).push(result);
    if (!failures.has(result.failure)) failures.set(result.failure, result.kind);
  }
  const kinds = ["none", "retryable", "final", "network", "runs", "webhooks"];
  const columns = [...failures].sort((one, other) =>
    kinds.indexOf(one[1]) - kinds.indexOf(other[1]) || natural(one[0], other[0])).map(([name]) => name);
  const rows = [...places.values()].sort((one, other) => natural(one.place + one.where, other.place + other.where));
  $("sweep-table").append(
    el("thead", {}, el("tr", {}, [el("th", {}, "place"), ...columns.map((name) =>
      el("th", { class: "s", scope: "col" }, el("span", {}, name)))])),
    el("tbody", {}, rows.map((row) => el("tr", {}, [
      el("th", { scope: "row" }, el("div", { title: row.where }, [
        el("span", { class: "what" }, [el("code", {}, row.place), el("small", {}, row.where)]),
      ])),
      ...columns.map((name) => sweptCell(row.place, name, row.cells.get(name))),
    ]))),
  );
}

if (report.sweep) {
  const { findings, results, left_out: leftOut, own_calls: own } = report.sweep;
  $("sweep").hidden = false;
  const plural = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const tests = new Set(results.map((item) => item.test)).size;
  $("sweep-count").textContent = [
    plural(findings.length, "finding"),
    `${plural(results.filter((item) => item.verdict).length, "variation")} of ${plural(tests, "test")}`,
    leftOut.length ? `${plural(leftOut.length, "test")} left out` : "",
    own ? `${plural(own, "place")} asked by tests` : "",
  ].filter(Boolean).join(" · ");
  total(findings.length === 1 ? "finding of the sweep" : "findings of the sweep", findings.length, "", findings.length > 0);
  sweptTable(report.sweep);
}
