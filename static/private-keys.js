// Is there a private key in a text or file? The same steps and the same patterns as app/public_keys/private.py, which
// says what each is for: the form contains the patterns (SIGNS there). Both are tested over one table.

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffc\u2800]/gu;
const FULL_WIDTH = /[\uff01-\uff5e\u3000]/g;
const ESCAPED = new RegExp(
  String.raw`\\{1,8}(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([nrt])|(["'/]))|%([0-9A-Fa-f]{2})|&#([0-9]{1,3});` +
  "|&#x([0-9A-Fa-f]{1,2});|&(lt|gt|quot);", "g");
const NAMED = { n: "\n", r: "\r", t: "\t", lt: "<", gt: ">", quot: '"' };
const BLANKS = /[ \t\n\r\f\v\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]+/g;
const HEX = /(?:(?:0x)?[0-9A-Fa-f]{2}[ :,;.-]{0,3}){16,}/g;
const BESIDE_NUMBERS = new RegExp(
  String.raw`\( ?(?:[su]?byte|char|unsigned char|u?int8(?:_t)?) ?\)|(?<=[0-9A-Fa-f])(?:u8|i8|UL?|L|y)\b|</?[a-z]{1,12}>` +
  String.raw`|["'][0-9]{1,5}["'] ?:`, "gi");
const ONE = "-?(?:0[xX][0-9A-Fa-f]{1,2}(?![0-9A-Fa-f])|[0-9]{1,3}(?![0-9xX]))";
const NUMBERS = new RegExp("(?:" + ONE + "[ -,./:-@[-`{-~]{1,6}){15,}" + ONE, "g");
const NUMBER = /-?0[xX][0-9A-Fa-f]+|-?[0-9]+/g;
const OCTAL = /\\{1,8}([0-3][0-7]{2}|[0-7]{1,2})/g;

/** Patterns, by where they are matched. */
export const compiled = (signs) =>
  Object.fromEntries(Object.entries(signs).map(([where, all]) => [where, all.map((sign) => new RegExp(sign, "s"))]));

/** Without invisible characters, full-width ones in their usual forms. */
export const visible = (text) =>
  text.replace(INVISIBLE, "").replace(FULL_WIDTH, (char) => (char === "\u3000" ? " " : String.fromCharCode(char.charCodeAt(0) - 0xfee0)));

const unescaped = (text) =>
  text.replace(ESCAPED, (_, four, two, short, itself, percent, decimal, sixteen, named) => {
    if (short || named) return NAMED[short || named];
    return itself ?? String.fromCharCode(decimal ? Number(decimal) : parseInt(four || two || percent || sixteen, 16));
  });

/** Bytes as characters 0 to 255. */
const binary = (bytes) => {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return text;
};

/** By the byte order mark, else as UTF-8. */
function read(bytes) {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "";
  return new TextDecoder(utf16 || "utf-8").decode(utf16 ? bytes : bytes.filter((byte) => byte));
}

/** "pkcs12", "key" or "". given: a text, or bytes. signs: compiled. */
export function found(given, signs) {
  let text = given;
  if (typeof given !== "string") {
    const data = binary(given);
    if (signs.file.some((sign) => sign.test(data))) return "key";
    const known = inBytes(data, true, signs);
    if (known) return known;
    text = read(given);
  }
  return inText(text.replaceAll("\0", ""), 2, signs);
}

function inBytes(data, beginning, signs) {
  if (signs.pkcs12.some((sign) => sign.test(data))) return "pkcs12";
  if ([...signs.bytes, ...(beginning ? signs.first : [])].some((sign) => sign.test(data))) return "key";
  const encloses = (sign) => [...data.matchAll(new RegExp(sign, "sg"))].some((match) => goesOnWithOctets(data, match));
  return signs.enclosing.some(encloses) ? "key" : "";
}

function goesOnWithOctets(data, { index, 1: header, 2: length }) {
  if (length === "\x80") return true;
  const octets = length > "\x80" ? length.slice(1) : length;
  const after = index + header.length + [...octets].reduce((sum, octet) => sum * 256 + octet.charCodeAt(0), 0);
  return after >= data.length || "\x04\x24".includes(data[after]);
}

function inText(text, depth, signs) {
  const plain = visible(unescaped(text)).replace(/[‐‑‒–―−]/g, "-").replaceAll("—", "--").replace(BLANKS, " ");
  const squeezed = plain.replaceAll(" ", "");
  if (signs.text.some((sign) => sign.test(plain)) || signs.squeezed.some((sign) => sign.test(squeezed))) return "key";
  const runs = usual(plain).match(/[A-Za-z0-9+/]{24,}/g) ?? [];
  if (runs.some((run) => signs.first.some((sign) => sign.test(decoded(run.slice(0, 32)))))) return "key";
  for (const [data, beginning] of inside(text, plain, squeezed)) {
    const pieces = depth ? data.replaceAll("\0", "").match(/[\t\n\r -~]{24,}/g) : null;
    const known = inBytes(data, beginning, signs) || (pieces && inText(pieces.join("\n"), depth - 1, signs));
    if (known) return known;
  }
  return "";
}

const usual = (text) => text.replaceAll("-", "+").replaceAll("_", "/");
const decoded = (word) => atob(word.slice(0, word.length - (word.length % 4)));
const fromHex = (digits) => digits.replace(/..?/g, (pair) => (pair[1] ? String.fromCharCode(parseInt(pair, 16)) : ""));

/** A number of a list as a byte. base: of numbers that do not say. */
const octet = (number, base) => {
  const size = number.replace("-", "");
  const value = parseInt(size, /x/i.test(size) ? 16 : base);
  return String.fromCharCode((number[0] === "-" ? -value : value) & 0xff);
};

function* inside(text, plain, squeezed) {
  yield [plain.replace(/[^\0-\xff]/g, ""), false];
  const octets = unescaped(text).replace(OCTAL, (_, number) => String.fromCharCode(parseInt(number, 8)));
  if (octets !== text) yield [octets.replace(/[^\0-\xff]/g, ""), false];
  const stream = usual(squeezed).replace(/[^A-Za-z0-9+/]+/g, "");
  yield [decoded(stream), true];
  for (const offset of [1, 2, 3]) yield [decoded(stream.slice(offset)), false];
  for (const [run] of plain.matchAll(HEX)) {
    const digits = run.replace(/0x|[^0-9A-Fa-f]/g, "");
    yield [fromHex(digits), true];
    yield [fromHex(digits.slice(1)), false];
  }
  for (const [run] of plain.replace(BESIDE_NUMBERS, " ").matchAll(NUMBERS)) {
    const numbers = run.match(NUMBER);
    yield [numbers.map((number) => octet(number, 10)).join(""), true];
    if (!/[89xX]/.test(run)) yield [numbers.map((number) => octet(number, 8)).join(""), true];
  }
}
