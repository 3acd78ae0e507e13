"use strict";
// A message, coloured: SIP and XML. Text becomes text nodes and nothing else, whatever it says.
const coloured = (() => {
  const piece = (to, text, name) => {
    if (!text) return;
    if (!name) { to.append(text); return; }
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    to.append(span);
  };
  const xml = (to, text) => {
    const token = /<!--[^]*?-->|<[?!/]?[^<>]*>|[^<]+|</g;
    for (const [part] of text.matchAll(token)) {
      if (part[0] !== "<") { piece(to, part, part.trim() && "h-text"); continue; }
      const attribute = /([\w:.-]+)(\s*=\s*)("[^"]*"|'[^']*')/g;
      let at = 0;
      for (const found of part.matchAll(attribute)) {
        piece(to, part.slice(at, found.index), "h-tag");
        piece(to, found[1], "h-attr");
        piece(to, found[2]);
        piece(to, found[3], "h-text");
        at = found.index + found[0].length;
      }
      piece(to, part.slice(at), "h-tag");
    }
  };
  const head = (to, text) => {
    text.split(/(?<=\n)/).forEach((line, number) => {
      if (number === 0) { piece(to, line, "h-start"); return; }
      const name = /^[\w.!%*+`'~-]+(?=\s*:)/.exec(line);
      if (name) { piece(to, name[0], "h-name"); piece(to, line.slice(name[0].length)); }
      else piece(to, line);
    });
  };
  return (text) => {
    const pre = document.createElement("pre");
    const blank = /\r?\n\r?\n/.exec(text);
    const end = blank ? blank.index + blank[0].length : text.length;
    head(pre, text.slice(0, end));
    const body = text.slice(end);
    if (body.includes("<")) xml(pre, body); else piece(pre, body);
    return pre;
  };
})();
// Marks what was searched for in an element's text.
const marked = (element, word) => {
  if (!word) return;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (let node of nodes) {
    let at;
    while ((at = node.data.toLowerCase().indexOf(word)) >= 0) {
      const found = node.splitText(at);
      node = found.splitText(word.length);
      const mark = document.createElement("mark");
      found.replaceWith(mark);
      mark.append(found);
    }
  }
};
