// Takes out of the compiled Bootstrap what no page uses: `node build/css/purge.mjs FROM TO`, by PurgeCSS.
// Templates and programs are read, not run: names that are put together at run time have their beginnings below.
import { readFileSync, writeFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const [from, to] = process.argv.slice(2);
const ours = readFileSync("static/latchkey.css", "utf8");
const elements = ["html", "body", "input", "select", "textarea", "option", "type", "checkbox", "radio"]; // of WTForms
const [{ css }] = await new PurgeCSS().purge({
  content: ["templates/**/*.html", "static/*.js", "app/**/*.py"],
  css: [{ raw: readFileSync(from, "utf8") }],
  variables: true,
  safelist: { standard: [...elements, /^alert-(success|info|warning|danger)$/, "btn-primary", "btn-danger"], variables: ours.match(/--bs-[\w-]+/g) },
});
writeFileSync(to, css);
