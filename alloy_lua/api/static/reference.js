"use strict";
// Shows openapi.json. Everything is put in as text, never as markup.

function element(name, text, children = []) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

// Returns a text as it is shown: what is between double backticks is code.
function said(text) {
  return (text || "").split("``").map((part, at) => (at % 2 ? element("code", part) : part));
}

// Returns what to show of a schema's type: texts, and links to the shapes that it names.
function kindOf(schema) {
  if (!schema) return [];
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    const link = element("a", name);
    link.href = `#shape-${name}`;
    return [link];
  }
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
  if (schema.anyOf) return joined(schema.anyOf.map(kindOf), " | ");
  if (schema.allOf) return joined(schema.allOf.map(kindOf), " & ");
  if (schema.type === "array") return [...kindOf(schema.items), "[]"];
  return [schema.type || "any"];
}

function joined(parts, between) {
  return parts.flatMap((part, at) => (at ? [between, ...part] : part));
}

// Cells are texts or lists of texts and elements.
function table(head, rows) {
  const top = element("tr", "", head.map((text) => element("th", text)));
  const cells = (row) => row.map((cell) => element("td", "", [].concat(cell)));
  const made = element("table", "", [top, ...rows.map((row) => element("tr", "", cells(row)))]);
  const frame = element("div", "", [made]);
  frame.className = "wide";
  return frame;
}

function fieldTable(found) {
  const needed = new Set(found.required || []);
  const rows = Object.entries(found.properties || {}).map(([field, inner]) => [
    field + (needed.has(field) ? " *" : ""), kindOf(inner), said(inner.description),
  ]);
  return rows.length ? [table(["field", "type", ""], rows)] : [];
}

// Returns the fields of a body: its own, or those of the shape that it is, which it names and links to.
function bodyOf(api, schema) {
  const found = schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
  const name = schema.$ref ? [...kindOf(schema), ". "] : [];
  return [element("p", "", [...name, ...said(found.description)]), ...fieldTable(found)];
}

function section(title, children) {
  return children.length ? [element("h4", title), ...children] : [];
}

// Returns a part that opens; the search finds it by `words`.
function opening(line, parts, words) {
  const made = element("details", "", [element("summary", "", line), ...parts]);
  made.dataset.text = words.toLowerCase();
  return made;
}

function operation(api, path, method, found) {
  const line = [element("b", method.toUpperCase()), element("code", path), ` ${found.summary}`];
  const parts = found.description ? found.description.split("\n\n").map((text) => element("p", "", said(text))) : [];
  const parameters = found.parameters.map((p) => [p.name + (p.required ? " *" : ""), p.in, kindOf(p.schema), said(p.description)]);
  if (parameters.length) parts.push(...section("Parameters", [table(["name", "in", "type", ""], parameters)]));
  const content = found.requestBody && found.requestBody.content["application/json"];
  if (content) {
    const example = content.example ? [element("pre", JSON.stringify(content.example, null, 2))] : [];
    parts.push(...section("Body", [...bodyOf(api, content.schema), ...example]));
  }
  const replies = Object.entries(found.responses).map(([status, reply]) => [
    status, reply.description, joined(Object.values(reply.content || {}).map((c) => kindOf(c.schema)), ", "),
  ]);
  parts.push(...section("Replies", [table(["status", "", "body"], replies)]));
  return opening(line, parts, `${method} ${path} ${found.summary}`);
}

function shape(name, found) {
  const about = [element("p", "", said(found.description)), ...fieldTable(found)];
  if (!found.properties) about.push(element("p", "", kindOf(found)));
  const made = opening([name], about, name);
  made.id = `shape-${name}`;
  return made;
}

function show(api) {
  const main = document.getElementById("operations");
  main.textContent = "";
  for (const tag of api.tags) {
    const all = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).filter(([, found]) => found.tags.includes(tag.name))
        .map(([method, found]) => operation(api, path, method, found)));
    main.append(element("section", "", [element("h2", tag.name), element("p", tag.description), ...all]));
  }
  const shapes = Object.entries(api.components.schemas).map(([name, found]) => shape(name, found));
  main.append(element("section", "", [element("h2", "Shapes"), ...shapes]));
  search();
  follow();
}

// Hides what the search does not find, and the sections in which nothing is left.
function search() {
  const wanted = document.getElementById("search").value.trim().toLowerCase();
  let hits = 0;
  for (const part of document.querySelectorAll("section")) {
    let here = 0;
    for (const found of part.querySelectorAll("details")) {
      found.hidden = !found.dataset.text.includes(wanted);
      if (!found.hidden) here += 1;
    }
    part.hidden = here === 0;
    hits += here;
  }
  document.getElementById("none").hidden = hits > 0;
}

// Opens the shape that the address names, even if the search has hidden it.
function follow() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!found || found.tagName !== "DETAILS") return;
  if (found.hidden) {
    document.getElementById("search").value = "";
    search();
  }
  found.open = true;
  found.scrollIntoView();
}

document.getElementById("search").addEventListener("input", search);
window.addEventListener("hashchange", follow);

fetch("openapi.json").then((reply) => reply.json()).then(show).catch(() => {
  document.getElementById("operations").textContent = "openapi.json could not be read.";
});
