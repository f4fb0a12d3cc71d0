// What each test's consumer asked, as a picture.

const kindOf = (attempt) =>
  !attempt.error ? (attempt.run_state === "failed" ? "server" : "ok") : attempt.status === null ? "network" :
    attempt.error in report.faults || attempt.status >= 500 ? "server" : "client";
// A poll that finds its run in progress is one of many: a dot.
const isDot = (attempt) => !attempt.error && attempt.run_state === "running" && attempt.request.startsWith("GET");
const labelOf = (attempt) =>
  isDot(attempt) ? "" : attempt.status === null ? attempt.error.replaceAll("_", " ") :
    attempt.request.startsWith("GET") && attempt.run_status || String(attempt.status);
const GAP = 8, NO_WAIT = 40, LANE = 66, TOP = 4;
const widthOf = (attempt) => isDot(attempt) ? 14 : Math.max(44, labelOf(attempt).length * 7.6 + 16);
// Waits from milliseconds to an hour share one picture: a longer one is longer, by its logarithm.
const stretch = (wait) => (wait < 0.0005 ? GAP : 40 + 26 * Math.log2(1 + Math.min(wait, 1e6)));

function scale(lanes) {
  const slots = new Map(); // moment -> room for the attempts that begin then
  for (const lane of lanes) {
    const room = new Map();
    for (const attempt of lane) {
      const before = room.get(attempt.started);
      room.set(attempt.started, widthOf(attempt) + (before === undefined ? GAP : before + NO_WAIT));
      if (!slots.has(attempt.ended)) slots.set(attempt.ended, 0);
    }
    for (const [moment, width] of room) slots.set(moment, Math.max(slots.get(moment) || 0, width));
  }
  const places = new Map();
  let x = 0, before = null;
  for (const moment of [...slots.keys()].sort((a, b) => a - b)) {
    if (before !== null) x += slots.get(before) + stretch(moment - before) - GAP;
    places.set(moment, x);
    before = moment;
  }
  return { places, width: x + (before === null ? 0 : Math.max(slots.get(before), 24)) };
}

const MANY = 6; // lanes that are readable at a glance
const MOST_OPEN = 5;

function timeline(api, rules) {
  const lanes = [...Map.groupBy(api.attempts, (attempt) => attempt.operation).values()];
  if (lanes.length <= MANY) return picture(lanes);
  const open = openLanes(lanes, new Set(rules.flatMap((rule) => rule.attempts)));
  const rest = lanes.filter((lane) => !open.includes(lane));
  return el("div", { class: "lanes", "data-lanes": lanes.length }, [
    ...open.map((lane) => foldable(lane, true)),
    el("details", { class: "rest" }, [
      el("summary", {}, `${rest.length} more: ${endings(rest)}`),
      ...rest.map((lane) => foldable(lane, false)),
    ]),
  ]);
}

// Those that broke a rule; else those that ended in failure; else those that met one at all.
function openLanes(lanes, numbers) {
  const failed = (attempt) => attempt.error !== null || attempt.run_reason !== null;
  const choices = [
    lanes.filter((lane) => lane.some((attempt) => numbers.has(attempt.number))),
    lanes.filter((lane) => failed(lane[lane.length - 1])),
    lanes.filter((lane) => lane.some(failed)),
  ];
  return (choices.find((choice) => choice.length) || []).slice(0, MOST_OPEN);
}

function endingOf(lane) {
  const last = lane[lane.length - 1];
  if (last.error || last.run_reason) return "failed";
  return lane.some((attempt) => attempt.error) ? "recovered" : "without a failure";
}

function endings(lanes) {
  const groups = Map.groupBy(lanes, endingOf);
  return ["failed", "recovered", "without a failure"].filter((name) => groups.has(name))
    .map((name) => `${groups.get(name).length} ${name}`).join(", ");
}

function foldable(lane, open) {
  const words = lane.slice(0, 4).map((attempt) =>
    el("span", { class: `step ${kindOf(attempt)}` }, labelOf(attempt) || attempt.run_status));
  if (lane.length > 4) words.push(el("span", { class: "step" }, `+${lane.length - 4}`));
  const made = el("details", { class: "lane", open, "data-document": lane[0].document }, el("summary", {}, [
    el("span", { class: "request" }, lane[0].request), " ", el("b", {}, lane[0].document), " ",
    el("span", { class: "steps" }, words),
  ]));
  const draw = () => {
    if (made.open && !made.querySelector("svg")) made.append(picture([lane], BARE));
  };
  made.addEventListener("toggle", draw);
  draw();
  return made;
}

// A lane that is folded has its title in its summary.
const TITLE = 20, BARE = 0;

function picture(lanes, title = TITLE) {
  const { places, width } = scale(lanes);
  const height = TOP + lanes.length * (LANE - TITLE + title);
  const attempts = lanes.flat();
  const label = lanes.map((lane) => `${lane[0].request} ${lane[0].document}`).join("; ");
  const canvas = svg(null, "svg", {
    width: Math.max(width + 4, 300), height, role: "img", "data-attempts": attempts.length,
    "aria-label": `${attempts.length} attempts: ${label}`,
  });
  lanes.forEach((lane, index) => drawLane(canvas, lane, TOP + index * LANE, places, title));
  return el("div", { class: "timeline" }, canvas);
}

function drawLane(canvas, lane, top, places, room) {
  const middle = top + 14 + room;
  if (room) {
    const title = svg(canvas, "text", { class: "lane", x: 0, y: top + 12 });
    title.append(`${lane[0].request}  `);
    svg(title, "tspan", { class: "doc" }, lane[0].document);
  }
  svg(canvas, "line", { class: "rail", x1: 0, x2: places.get(lane[0].started) - 4, y1: middle, y2: middle });
  let before = null;
  for (const attempt of lane) {
    const gap = before ? (attempt.started - before.attempt.ended < 0.0005 ? NO_WAIT : GAP) : 0;
    const x = Math.max(before ? before.end + gap : 0, places.get(attempt.started)) + 1;
    const wide = Math.max(widthOf(attempt), places.get(attempt.ended) - x - GAP);
    if (before) drawWait(canvas, before, attempt, x, middle);
    drawAttempt(canvas, attempt, x, middle, wide);
    before = { attempt, end: x + wide };
  }
}

function drawWait(canvas, before, attempt, x, middle) {
  const wait = attempt.waited || 0;
  const bare = before.attempt.error && wait < 0.0005 ? " none" : "";
  svg(canvas, "path", { class: `wait${bare}`, d: `M${before.end} ${middle}H${x - 4}` });
  if (x - before.end > 24) {
    svg(canvas, "path", { class: "arrow", d: `M${x - 1} ${middle}l-6 -3.5v7z` });
    svg(canvas, "text", { class: "waited", x: (before.end + x - 4) / 2, y: middle - 5 }, duration(wait));
  }
  const asked = Number(before.attempt.retry_after);
  if (before.attempt.retry_after && asked >= 0) {
    const share = Math.min(1, asked / Math.max(wait, asked, 0.001));
    const at = before.end + (x - before.end - 8) * (wait >= asked ? share : 1);
    svg(canvas, "path", { class: "advice", d: `M${at} ${middle + 5}l4 6h-8z` });
  }
}

function drawAttempt(canvas, attempt, x, middle, wide) {
  const group = svg(canvas, "g", {
    class: `attempt ${kindOf(attempt)}`, tabindex: 0, role: "img",
    "aria-label": facts(attempt).map(([name, value]) => `${name} ${value}`).join(", "),
  });
  const tall = isDot(attempt) ? 14 : 24;
  svg(group, "rect", { x, y: middle - tall / 2, width: wide, height: tall, rx: 7 });
  svg(group, "text", { x: x + wide / 2, y: middle + 4.5 }, labelOf(attempt));
  svg(canvas, "text", { class: "at", x: x + Math.min(wide, 44) / 2, y: middle + 26 }, duration(attempt.started));
  group.addEventListener("pointerenter", () => tell(group, attempt));
  group.addEventListener("focus", () => tell(group, attempt));
  group.addEventListener("pointerleave", hush);
  group.addEventListener("blur", hush);
}

function facts(attempt) {
  return [
    ["attempt", attempt.number],
    ["request id", attempt.request_id],
    ["began at", seconds(attempt.started)],
    ["took", attempt.ended > attempt.started ? seconds(attempt.ended - attempt.started) : null],
    ["waited", attempt.waited === null ? null : seconds(attempt.waited)],
    ["Retry-After", attempt.retry_after],
    ["run", [attempt.run_status, attempt.run_reason].filter(Boolean).join(" ") || null],
  ].filter(([, value]) => value !== null);
}

function tell(group, attempt) {
  const name = [attempt.status, attempt.error].filter((part) => part !== null).join(" ");
  $("tip").replaceChildren(
    el("b", {}, name),
    el("dl", {}, facts(attempt).flatMap(([key, value]) => [el("dt", {}, key), el("dd", {}, String(value))])),
  );
  anchor = group;
  place();
}

let anchor = null;
function place() {
  if (!anchor) return;
  $("tip").hidden = false;
  const box = anchor.getBoundingClientRect(), tip = $("tip").getBoundingClientRect();
  const left = Math.min(Math.max(12, box.left + box.width / 2 - tip.width / 2), innerWidth - tip.width - 12);
  const above = box.top - tip.height - 8;
  $("tip").style.left = `${left}px`;
  $("tip").style.top = `${above > 8 ? above : box.bottom + 8}px`;
}
function hush() { anchor = null; $("tip").hidden = true; }
addEventListener("scroll", place, { passive: true, capture: true });
