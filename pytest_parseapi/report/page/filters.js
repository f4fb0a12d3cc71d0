// Filters, groups, and their state in the address.

const KEYS = { text: "q", outcome: "outcome", provider: "provider", surface: "surface", error: "error", rule: "rule", place: "place" };
const SELECTS = ["provider", "surface", "error", "rule", "place", "group"];
const filter = { ...Object.fromEntries(Object.keys(KEYS).map((key) => [key, ""])), group: "" };
const NO_RULE = "no broken rule";

const texts = report.tests.map((test) => [
  test.id, test.message, ...rulesOf(test).flatMap((rule) => [rule.name, rule.rule]),
  ...test.apis.flatMap((api) => api.attempts.flatMap((item) => [item.request, item.document, item.request_id || ""])),
].join("\n").toLowerCase());
// Cards, and the headings of groups between them.
let items = [], drawn = 0;

// A place is a file, or a class in it.
const placesOf = (test) => test.id.split("::").slice(0, -1).map((_, index, parts) => parts.slice(0, index + 1).join("::"));
const inPlace = (test, place) => test.id === place || test.id.startsWith(`${place}::`);

const fits = (test, index) =>
  (!filter.outcome || test.outcome === filter.outcome) &&
  (!filter.text || texts[index].includes(filter.text.toLowerCase())) &&
  (!filter.place || inPlace(test, filter.place)) &&
  (!filter.rule || rulesOf(test).some((rule) => rule.name === filter.rule)) &&
  (!(filter.provider || filter.surface || filter.error) || test.apis.some((api) =>
    (!filter.provider || api.provider === filter.provider) &&
    (!filter.surface || api.surfaces.includes(filter.surface)) &&
    (!filter.error || api.received.some(([code, surface]) =>
      code === filter.error && (!filter.surface || surface === filter.surface)))));

const GROUPS = {
  rule: (test) => {
    const names = [...new Set(rulesOf(test).map((rule) => rule.name))];
    const wanted = names.filter((name) => !filter.rule || name === filter.rule);
    return wanted.length ? wanted : [NO_RULE];
  },
  place: (test) => [placesOf(test).pop() || test.id],
};

function grouped(tests) {
  if (!filter.group) return tests.map((test) => ({ test }));
  const groups = new Map();
  for (const test of tests) {
    for (const name of GROUPS[filter.group](test)) {
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(test);
    }
  }
  const rank = (name) => filter.group === "rule" ? (name === NO_RULE ? Infinity : brokenRules.findIndex((rule) => rule.name === name)) : 0;
  const names = [...groups.keys()].sort((a, b) => (rank(a) - rank(b) || 0) || natural(a, b));
  return names.flatMap((name) => [{ name, tests: groups.get(name) }, ...groups.get(name).map((test) => ({ test }))]);
}

function groupHead({ name, tests }) {
  const failed = tests.filter((test) => test.outcome === "failed").length;
  const rule = filter.group === "rule" && rows.get(name);
  const count = `${tests.length} ${tests.length === 1 ? "test" : "tests"}${failed ? `, ${failed} failed` : ""}`;
  return el("div", { class: "group", "data-group": name }, [
    el("h3", {}, name === NO_RULE ? name : el("code", {}, broken(name))),
    el("span", { class: "count" }, count),
    rule ? el("p", {}, [`${rule.rule} `, rule.page ? linkTo(rule.page) : null]) : null,
  ]);
}

function show() {
  for (const key of SELECTS) {
    $(key).value = filter[key];
    if ($(key).value !== filter[key]) $(key).value = filter[key] = ""; // an address may name what is not here
  }
  if ($("search").value !== filter.text) $("search").value = filter.text;
  for (const button of $("outcomes").children) {
    button.setAttribute("aria-pressed", String(button.value === filter.outcome));
  }
  $("clear").hidden = !Object.values(filter).some(Boolean);
  const fitting = report.tests.filter(fits);
  items = grouped(fitting);
  drawn = 0;
  $("tests").replaceChildren();
  hush();
  const all = report.tests.length;
  $("count").textContent = fitting.length === all ? `${all}` : `${fitting.length} of ${all}`;
  if (!fitting.length) {
    $("tests").append(el("p", { class: "card none" }, all ? "No test fits these filters." : "No test asked a simulated provider for anything."));
  }
  remember();
  more();
}

function more() {
  $("tests").append(...items.slice(drawn, drawn + STEP).map((item) => (item.test ? testCard(item.test) : groupHead(item))));
  drawn = Math.min(items.length, drawn + STEP);
  $("more").hidden = drawn >= items.length;
  $("more").textContent = `Show ${Math.min(STEP, items.length - drawn)} more`;
}

function reset() { for (const key of Object.keys(filter)) filter[key] = ""; }

/* The address */

function remember() {
  const state = new URLSearchParams();
  for (const [key, name] of Object.entries({ ...KEYS, group: "group" })) if (filter[key]) state.set(name, filter[key]);
  const hash = state.size ? `#${state}` : "";
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

function recall() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const [key, name] of Object.entries({ ...KEYS, group: "group" })) filter[key] = state.get(name) || "";
  if (!["", ...OUTCOMES].includes(filter.outcome)) filter.outcome = "";
  show();
}

/* The controls */

function options(id, label, values) {
  $(id).append(el("option", { value: "" }, label), ...values.map((value) => el("option", { value }, value)));
  $(id).addEventListener("change", () => { filter[id] = $(id).value; show(); });
}
const apis = report.tests.flatMap((test) => test.apis);
options("provider", "All providers", unique(apis.map((api) => api.provider)));
options("surface", "All surfaces", SURFACES.filter((surface) => apis.some((api) => api.surfaces.includes(surface))));
options("error", "All errors", unique(apis.flatMap((api) => api.received.map(([code]) => code))));
options("rule", "All rules", brokenRules.map((rule) => rule.name));
options("place", "All places", unique(report.tests.flatMap(placesOf)));
$("group").append(...[["", "No groups"], ["rule", "Group by rule"], ["place", "Group by place"]].map(([value, text]) => el("option", { value }, text)));
$("group").addEventListener("change", () => { filter.group = $("group").value; show(); });
for (const outcome of ["", ...OUTCOMES]) {
  if (outcome && !counts[outcome]) continue;
  const text = outcome ? `${labelOfOutcome(outcome)} ${counts[outcome]}` : "all";
  const button = el("button", { type: "button", value: outcome }, text);
  button.addEventListener("click", () => { filter.outcome = outcome; show(); });
  $("outcomes").append(button);
}
$("search").addEventListener("input", () => { filter.text = $("search").value; show(); });
$("clear").addEventListener("click", () => { reset(); show(); });
$("more").addEventListener("click", more);
addEventListener("hashchange", recall);
new IntersectionObserver(([entry]) => { if (entry.isIntersecting && !$("more").hidden) more(); }, { rootMargin: "600px" }).observe($("more"));
recall();
document.documentElement.dataset.ready = "true";
