// Looks at what is pasted, chosen or dropped before anything leaves the page. The portal looks again.

import { compiled, found as privateIn, visible } from "./private-keys.js";

const LARGEST = 96 * 1024; // bytes of a file, characters of a text, that are looked at

const PUBLIC = {
  "ssh-key": /^ssh-rsa AAAA[A-Za-z0-9+\/]+={0,2}(?: [^\r\n]*)?$/m,
  certificate: /-----BEGIN (X509 )?CERTIFICATE-----[A-Za-z0-9+\/=\s]+-----END \1CERTIFICATE-----/,
};

/** What people paste instead: the code of what to say, and how to tell. */
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

/** Text out of bytes, or null where they are none. */
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

  /** One message at a time: what was said before, by the portal too, was about something else. code: "" for none. */
  const tell = (box, code, type = "") => {
    form.querySelectorAll("[data-field-error]").forEach((each) => {
      each.textContent = each === box && code ? says[code].replace("%(type)s", () => type) : "";
      each.dataset.fieldError = each === box ? code : "";
      each.hidden = !each.textContent;
    });
    pasted.setAttribute("aria-invalid", "false");
    pasted.classList.remove("is-invalid");
  };

  let left = ""; // what was public beside a private key: the message about it stays as long as it does

  /** Takes a private key out of the form. What is public beside it is left. */
  const stop = (what, text) => {
    const [found = ""] = PUBLIC[kind].exec(text) ?? [];
    pasted.value = left = privateIn(found, signs) ? "" : found;
    const instead = pasted.value ? "left" : what === "pkcs12" ? what : kind;
    tell(stopped, `private-key:${instead}`);
  };

  /** True when nothing private is in the field; else it is taken out, and said. */
  const look = () => {
    const what = privateIn(pasted.value.slice(0, LARGEST), signs);
    if (what) {
      stop(what, pasted.value.slice(0, LARGEST));
      return false;
    }
    if (left && pasted.value === left) return true;
    if (pasted.getAttribute("aria-invalid") === "true" && pasted.value === pasted.defaultValue) return true; // told by the portal
    const [code, match] = WRONG[kind].map(([name, sign]) => [name, sign.exec(visible(pasted.value))]).find(([, found]) => found) ?? [""];
    if (code || pasted.value.trim() || stopped.hidden) tell(doubt, code, match?.[1]);
    return true;
  };

  /** A file becomes text in the field, to be seen; a binary one stays a file. False when it is private. */
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

  let looked = null; // the binary file that was looked at and may go

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
    if (!dropped) return; // text is dropped into the field as ever
    event.preventDefault();
    if (event.dataTransfer.files.length > 1) {
      tell(stopped, "several-files");
      return;
    }
    file.files = event.dataTransfer.files;
    take(dropped);
  });
  // Before all other listeners of the form: what is stopped here is not "sent" for them.
  document.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    const waiting = file.files[0] && file.files[0] !== looked ? file.files[0] : null;
    if (!waiting && look()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (waiting) take(waiting).then((fine) => fine && form.requestSubmit());
  }, true);
  // A page taken back from the browser's memory may bring the field back with it.
  addEventListener("pageshow", () => pasted.value !== pasted.defaultValue && look());
}

document.querySelectorAll("form[data-public-key]").forEach(watch);
