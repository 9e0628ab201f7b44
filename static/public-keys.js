// Checks what you paste, choose or drop before anything leaves the page. The portal checks it again.
// The texts are in the form's data-says (app/public_keys/page_texts.py).

import { compiled, found as privateIn, visible } from "./private-keys.js";

const LARGEST = 96 * 1024; // bytes of a file or characters of a text; larger ones are not checked

const PUBLIC = {
  "ssh-key": /^ssh-rsa AAAA[A-Za-z0-9+\/]+={0,2}(?: [^\r\n]*)?$/m,
  certificate: /-----BEGIN (X509 )?CERTIFICATE-----[A-Za-z0-9+\/=\s]+-----END \1CERTIFICATE-----/,
};

/** What users paste by mistake: the code of the text to show, and the pattern that detects it. */
const WRONG = {
  "ssh-key": [
    ["wrong-key-type", /^\s*(ssh-ed25519|ssh-dss|ssh-ed448|ecdsa-sha2-\S+|sk-\S+)\s/],
    ["certificate", /BEGIN [A-Z0-9 ]{0,40}CERTIFICATE/],
    ["several-keys", /^[^]*?ssh-rsa\s+AAAA[^]*\sssh-rsa\s+AAAA/],
  ],
  certificate: [
    ["ssh-key", /^\s*(ssh|ecdsa|sk)-\S+\s+AAAA/],
    ["request", /BEGIN [A-Z ]{0,40}CERTIFICATE REQUEST/],
    ["public-key", /BEGIN (RSA )?PUBLIC KEY/],
    ["several", /BEGIN CERTIFICATE-[^]*BEGIN CERTIFICATE-/],
  ],
};

/** The text that the bytes encode, or null if they aren't text. */
function textOf(bytes) {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "";
  try {
    const text = new TextDecoder(utf16 || "utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

function watch(form) {
  const kind = form.dataset.publicKey;
  const signs = compiled(JSON.parse(form.dataset.signs));
  const says = JSON.parse(form.dataset.says); // texts by code
  const pasted = form.querySelector("textarea");
  const file = form.querySelector("input[type=file]");
  const stopped = form.querySelector("[data-stopped]");
  const doubt = form.querySelector("[data-doubt]");

  /** Show one message and remove the others, also the portal's: they were about another input. code: "" for none. */
  const tell = (box, code, type = "") => {
    form.querySelectorAll("[data-field-error]").forEach((each) => {
      each.textContent = each === box && code ? says[code].replace("%(type)s", () => type) : "";
      each.dataset.fieldError = each === box ? code : "";
      each.hidden = !each.textContent;
    });
    pasted.setAttribute("aria-invalid", "false");
    pasted.classList.remove("is-invalid");
  };

  let left = ""; // the public part beside a private key: the message stays as long as this does

  /** Remove a private key from the form, and keep the public part beside it. */
  const stop = (what, text) => {
    const [found = ""] = PUBLIC[kind].exec(text) ?? [];
    pasted.value = left = privateIn(found, signs) ? "" : found;
    const instead = pasted.value ? "left" : what === "pkcs12" ? what : kind;
    tell(stopped, `private-key:${instead}`);
  };

  /** True if the field has nothing private. Otherwise it is removed, with a message. */
  const look = () => {
    const what = privateIn(pasted.value.slice(0, LARGEST), signs);
    if (what) {
      stop(what, pasted.value.slice(0, LARGEST));
      return false;
    }
    if (left && pasted.value === left) return true;
    if (pasted.getAttribute("aria-invalid") === "true" && pasted.value === pasted.defaultValue) return true; // by the portal
    const [code, match] = WRONG[kind].map(([name, sign]) => [name, sign.exec(visible(pasted.value))]).find(([, found]) => found) ?? [""];
    if (code || pasted.value.trim() || stopped.hidden) tell(doubt, code, match?.[1]);
    return true;
  };

  /** Put a text file into the field, where you can see it. A binary file stays a file. False if it is private. */
  const take = async (chosen) => {
    tell(stopped, "");
    if (chosen.size > LARGEST) {
      file.value = "";
      tell(stopped, "too-large");
      return false;
    }
    const content = await chosen.arrayBuffer().catch(() => null);
    if (content === null) {
      file.value = "";
      tell(stopped, "unreadable");
      return false;
    }
    const bytes = new Uint8Array(content);
    const text = textOf(bytes);
    const what = privateIn(bytes, signs);
    if (what) {
      file.value = "";
      stop(what, text ?? "");
      return false;
    }
    if (text !== null) {
      pasted.value = text.trim();
      file.value = "";
      return look();
    }
    pasted.value = "";
    looked = chosen;
    return true;
  };

  let looked = null; // the binary file that was checked and may be sent

  pasted.addEventListener("input", look);
  file.addEventListener("change", () => file.files[0] && take(file.files[0]));
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("lk-is-dragged-over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("lk-is-dragged-over"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("lk-is-dragged-over");
    const dropped = event.dataTransfer.files[0];
    if (!dropped) return; // the browser puts dropped text into the field
    event.preventDefault();
    if (event.dataTransfer.files.length > 1) {
      tell(stopped, "several-files");
      return;
    }
    file.files = event.dataTransfer.files;
    take(dropped);
  });
  // Before all other listeners of the form, because a form that is stopped here must not count as sent.
  document.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    const waiting = file.files[0] && file.files[0] !== looked ? file.files[0] : null;
    if (!waiting && look()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) take(waiting).then((fine) => fine && form.requestSubmit());
  }, true);
  // A page that the browser restores from memory may have the field's text again.
  addEventListener("pageshow", () => pasted.value !== pasted.defaultValue && look());
}

document.querySelectorAll("form[data-public-key]").forEach(watch);
