"use strict";
// Shows openapi.json. Everything is put in as text, never as markup.

function element(name, text, children = []) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" | ");
  if (schema.allOf) return schema.allOf.map(kindOf).join(" & ");
  if (schema.type === "array") return kindOf(schema.items) + "[]";
  return schema.type || "any";
}

function table(head, rows) {
  const top = element("tr", "", head.map((text) => element("th", text)));
  return element("table", "", [top, ...rows.map((row) => element("tr", "", row.map((text) => element("td", text))))]);
}

function fieldsOf(api, schema) {
  const name = schema.$ref ? schema.$ref.split("/").pop() : null;
  const found = name ? api.components.schemas[name] : schema;
  const needed = new Set(found.required || []);
  const rows = Object.entries(found.properties || {}).map(([field, inner]) => [
    field + (needed.has(field) ? " *" : ""), kindOf(inner), inner.description || "",
  ]);
  return [element("p", (name ? name + ". " : "") + (found.description || "")), table(["field", "type", ""], rows)];
}

function section(title, children) {
  return children.length ? [element("h4", title), ...children] : [];
}

function operation(api, path, method, found) {
  const line = element("summary", "", [element("b", method.toUpperCase()), element("code", path), ` ${found.summary}`]);
  const parts = [line, ...(found.description || "").split("\n\n").map((text) => element("p", text))];
  const parameters = found.parameters.map((p) => [p.name + (p.required ? " *" : ""), p.in, kindOf(p.schema), p.description || ""]);
  if (parameters.length) parts.push(...section("Parameters", [table(["name", "in", "type", ""], parameters)]));
  const content = found.requestBody && found.requestBody.content["application/json"];
  if (content) {
    const example = content.example ? [element("pre", JSON.stringify(content.example, null, 2))] : [];
    parts.push(...section("Body", [...fieldsOf(api, content.schema), ...example]));
  }
  const replies = Object.entries(found.responses).map(([status, reply]) => [
    status, reply.description, Object.values(reply.content || {}).map((c) => kindOf(c.schema)).join(", "),
  ]);
  parts.push(...section("Replies", [table(["status", "", "body"], replies)]));
  const made = element("details", "", parts);
  made.dataset.text = `${method} ${path} ${found.summary}`.toLowerCase();
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
  const shapes = Object.keys(api.components.schemas).map((name) =>
    element("details", "", [element("summary", name), ...fieldsOf(api, { $ref: "/" + name })]));
  main.append(element("section", "", [element("h2", "Shapes"), ...shapes]));
}

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const found of document.querySelectorAll("details[data-text]")) found.hidden = !found.dataset.text.includes(wanted);
});

fetch("openapi.json").then((reply) => reply.json()).then(show, () => {
  document.getElementById("operations").textContent = "openapi.json could not be read.";
});
