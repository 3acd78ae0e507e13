// The ladder: rows of one height, of which only those in sight are in the document.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const view = by("view"), canvas = by("canvas"), heads = by("heads"), detail = by("detail"), search = by("search");
  const HEIGHT = 28, TIMES = 104, SPARE = 12;
  const KINDS = { q: "requests", p: "1xx", s: "2xx", f: "3xx–6xx", b: "broken", n: "decisions" };
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  let rows = data.rows;
  let shown = [], selected = -1, word = "", pitch = 200, width = 0, drawn = new Map(), repeats = new Map();
  const textOf = (row) => row.low ??= [row.label, row.text ?? "", data.columns[row.from], data.columns[row.to],
    ...Object.values(row.said ?? {})].join("\n").toLowerCase();

  const checkbox = (into, label, change) => {
    const outer = make("label", "check"), box = make("input");
    box.type = "checkbox"; box.checked = true;
    box.addEventListener("change", change);
    outer.append(box, " " + label);
    into.append(outer);
    return box;
  };
  const kinds = {}, nodes = [];
  for (const [kind, name] of Object.entries(KINDS))
    if (data.live || rows.some((row) => row.kind === kind)) kinds[kind] = checkbox(by("kinds"), name, () => filter());
  const list = make("div");
  by("nodes").append(list);
  const column = (name) => nodes.push(checkbox(list, name, () => filter()));
  data.columns.forEach(column);

  const filter = () => {
    const before = shown[selected];
    word = search.value.trim().toLowerCase();
    const collapse = by("collapse").checked;
    repeats = new Map();
    shown = [];
    rows.forEach((row, index) => {
      if (!kinds[row.kind].checked || !nodes[row.from].checked || !nodes[row.to].checked) return;
      if (word && !textOf(row).includes(word)) return;
      if (collapse && row.again !== undefined && !(row.lost ^ rows[row.again].lost)) {
        repeats.set(row.again, (repeats.get(row.again) ?? 0) + 1);
        return;
      }
      shown.push(index);
    });
    by("count").value = `${shown.length} of ${rows.length}`;
    selected = before === undefined ? -1 : shown.indexOf(before);
    layout();
  };

  const lane = (column) => TIMES + pitch / 2 + pitch * column;
  const layout = () => {
    pitch = Math.max(200, Math.min(360, (view.clientWidth - TIMES - 20) / Math.max(1, data.columns.length)));
    width = Math.max(view.clientWidth, TIMES + pitch * data.columns.length + 10);
    canvas.replaceChildren();
    heads.replaceChildren();
    drawn = new Map();
    for (const element of [canvas, heads]) element.style.width = width + "px";
    const height = Math.max(shown.length * HEIGHT + 16, view.clientHeight - 36);
    canvas.style.height = height + "px";
    data.columns.forEach((name, column) => {
      const head = make("span", "", name), line = make("div", "lane");
      head.style.left = line.style.left = lane(column) + "px";
      head.style.maxWidth = pitch - 8 + "px";
      line.style.height = height + "px";
      heads.append(head);
      canvas.append(line);
    });
    draw();
  };

  const draw = () => {
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(shown.length, Math.ceil((view.scrollTop + view.clientHeight) / HEIGHT) + SPARE);
    for (const [place, element] of drawn)
      if (place < first || place >= last) { element.remove(); drawn.delete(place); }
    const fresh = document.createDocumentFragment();
    for (let place = first; place < last; place++) {
      if (drawn.has(place)) continue;
      const element = draw_row(rows[shown[place]], place);
      drawn.set(place, element);
      fresh.append(element);
    }
    canvas.append(fresh);
  };

  const draw_row = (row, place) => {
    const element = make("div", "row " + row.kind);
    element.id = "row-" + place;
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", place === selected);
    element.setAttribute("aria-posinset", place + 1);
    element.setAttribute("aria-setsize", shown.length);
    element.style.top = place * HEIGHT + "px";
    element.style.width = width + "px";
    element.title = row.label;
    element.append(make("span", "time", row.time));
    const at = (child, left, wide) => {
      child.style.left = left + "px";
      if (wide !== undefined) child.style.width = wide + "px";
      element.append(child);
    };
    const from = lane(row.from), to = lane(row.to);
    if (row.kind === "n") {
      at(make("span", "dot"), from);
      const note = make("span", "note", row.label);
      // On the side that has more room.
      const right = width - from > from - TIMES;
      at(note, right ? from + 10 : TIMES, undefined);
      if (!right) { note.style.left = ""; note.style.right = width - from + 10 + "px"; }
      note.style.maxWidth = (right ? width - from - 24 : from - TIMES - 14) + "px";
      marked(note, word);
      return element;
    }
    const label = make("span", "label", row.label), more = repeats.get(shown[place]);
    if (row.again !== undefined) { element.classList.add("again"); label.append(make("i", "", " · retransmission")); }
    if (more) label.append(make("i", "", ` · +${more}`));
    if (row.lost) { element.classList.add("lost"); label.append(make("i", "", " · lost")); }
    marked(label, word);
    if (from === to) {
      element.classList.add("loop");
      at(make("span", "shaft"), from, 18);
      at(label, from + 16);
      return element;
    }
    const left = Math.min(from, to), wide = Math.abs(to - from), gap = row.lost ? 26 : 0;
    element.classList.add(from < to ? "right" : "left");
    at(make("span", "shaft"), from < to ? left : left + gap, wide - gap);
    if (row.lost) at(make("span", "cross", "✕"), from < to ? left + wide - gap - 4 : left + gap - 8);
    else at(make("span", "head"), from < to ? left + wide - 9 : left);
    at(label, from < to ? left : left + gap, wide - gap);
    return element;
  };

  const select = (place, open) => {
    if (!shown.length) return;
    drawn.get(selected)?.setAttribute("aria-selected", false);
    selected = Math.max(0, Math.min(shown.length - 1, place));
    const top = selected * HEIGHT, room = view.clientHeight - 36 - HEIGHT;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top > view.scrollTop + room) view.scrollTop = top - room;
    draw();
    drawn.get(selected)?.setAttribute("aria-selected", true);
    view.setAttribute("aria-activedescendant", "row-" + selected);
    if (open || !detail.hidden) show(rows[shown[selected]], open);
  };

  const show = (row, focus) => {
    const was = detail.hidden;
    detail.replaceChildren(make("h2", "", row.label));
    const button = (label, act) => {
      const it = make("button", "", label);
      it.type = "button";
      it.addEventListener("click", act);
      detail.append(it);
    };
    button("Close", close);
    if (row.call) button("Only this Call-ID", () => { search.value = row.call; filter(); });
    const said = make("dl");
    const nodes = row.kind === "n" ? { node: data.columns[row.from] }
      : { from: data.columns[row.from], to: data.columns[row.to] };
    for (const [name, value] of Object.entries({ time: `${row.time} · ${row.clock}`, ...nodes, ...row.said }))
      said.append(make("dt", "", name), make("dd", "", value));
    detail.append(said);
    if (row.text !== undefined) detail.append(coloured(row.text));
    marked(detail, word);
    detail.hidden = false;
    if (was) layout();
    if (focus) detail.focus();
  };
  const close = () => {
    detail.hidden = true;
    layout();
    view.focus();
  };

  let waiting = 0;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); });
  by("collapse").addEventListener("change", filter);
  view.addEventListener("scroll", draw, { passive: true });
  canvas.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) select(Number(row.id.slice(4)), true);
  });
  view.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(view.clientHeight / HEIGHT) - 2);
    const to = { ArrowDown: selected + 1, ArrowUp: selected - 1, PageDown: selected + page, PageUp: selected - page,
      Home: 0, End: shown.length - 1, Enter: selected }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(to, event.key === "Enter");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    if (event.key !== "Escape") return;
    if (!detail.hidden) close();
    else if (search.value) { search.value = ""; filter(); }
  });
  window.addEventListener("resize", layout);
  by("title").textContent = document.title;
  filter();

  // What comes while one looks: rows are added below, and one who is at the end stays there.
  const MOST = 20000, PART = 4000;
  const follow = () => {
    const first = new Map(), state = by("live"), box = by("follow");
    let gone = 0, lost = 0;
    const key = (row) => [row.from, row.to, row.text].join(" ");
    const say = (text) => { state.value = text + (lost ? ` · ${lost} records lost` : "") + (gone ? ` · ${gone} older rows gone` : ""); };
    const repeated = (row, index) => {
      if (row.text === undefined) return;
      const before = first.get(key(row));
      if (before === undefined) { first.set(key(row), index); delete row.again; } else row.again = before;
    };
    const take = (more) => {
      lost += more.lost ?? 0;
      const places = more.columns.map((name) => {
        if (!data.columns.includes(name)) { data.columns.push(name); column(name); }
        return data.columns.indexOf(name);
      });
      for (const row of more.rows) {
        row.from = places[row.from];
        row.to = places[row.to];
        repeated(row, rows.length);
        rows.push(row);
      }
      if (rows.length > MOST) {
        const cut = rows.length - MOST + PART;
        rows = rows.slice(cut);
        gone += cut;
        selected = -1;
        first.clear();
        rows.forEach(repeated);
      }
    };
    let due = false;
    const events = new EventSource(data.live);
    events.addEventListener("open", () => say("live"));
    events.addEventListener("error", () => say("not connected"));
    events.addEventListener("end", () => { events.close(); say("ended: reload the page"); });
    events.addEventListener("message", (event) => {
      take(JSON.parse(event.data));
      if (due) return;
      due = true;
      setTimeout(() => {
        due = false;
        filter();
        if (box.checked) { view.scrollTop = view.scrollHeight; draw(); }
        say("live");
      }, 100);
    });
    by("following").hidden = false;
    say("connecting");
  };
  if (data.live) follow();
})();
