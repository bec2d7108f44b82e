import type { JsonValue } from "../files/json.ts";
import { readPattern } from "./patterns.ts";
import { otherKind, steps } from "./steps.ts";
import { barrier, controls, marks } from "./unicode-versions.ts";

/** What changes a text before it is split. */
export type Normalizer = (text: string) => string;

type Form = "NFC" | "NFD" | "NFKC" | "NFKD";

/** Reads `normalizer` of a `tokenizer.json` (normalizers/ of the Rust library). Undefined where nothing is changed. */
export function readNormalizer(part: JsonValue): Normalizer | undefined {
  const all = Array.from(steps(part, "normalizers"), readStep);
  if (all.length === 0) return undefined;
  return (text) => all.reduce((changed, step) => step(changed), text);
}

function readStep(step: JsonValue): Normalizer {
  const type = step.get("type");
  switch (type.value) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = type.value;
      return (text) => normalized(text, form);
    }
    case "Lowercase":
      return lowercase;
    case "Prepend": {
      const prefix = step.get("prepend").string();
      return (text) => (text === "" ? "" : prefix + text);
    }
    case "Replace": {
      const spans = readPattern(step.get("pattern"));
      const content = step.get("content").string();
      return (text) => replaced(text, spans(text), content);
    }
    case "Strip": {
      const [left, right] = ["strip_left", "strip_right"].map((name) => step.get(name).boolean());
      return (text) => stripped(text, left, right);
    }
    case "StripAccents":
      return stripMarks;
    case "BertNormalizer":
      return bertNormalizer(step);
    default:
      throw otherKind(type);
  }
}

/** The text in a normalization form, as the crate unicode-normalization-alignments knows it. */
function normalized(text: string, form: Form): string {
  if (!barrier.test(text)) return text.normalize(form);
  return text
    .split(barrier)
    .map((part, index) => (index % 2 === 1 ? part : part.normalize(form)))
    .join("");
}

/** Each character alone: Σ becomes σ wherever it stands. */
function lowercase(text: string): string {
  return text.split("Σ").map((part) => part.toLowerCase()).join("σ");
}

/** The text with other content where `spans` are. */
export function replaced(text: string, spans: readonly number[], content: string): string {
  let changed = "";
  let done = 0;
  for (let i = 0; i < spans.length; i += 2) {
    changed += text.slice(done, spans[i]) + content;
    done = spans[i + 1];
  }
  return done === 0 && spans.length === 0 ? text : changed + text.slice(done);
}

const leadingSpace = /^\p{White_Space}+/u;

function stripped(text: string, left: boolean, right: boolean): string {
  if (left) text = text.replace(leadingSpace, "");
  if (!right) return text;
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** Without the marks that stand on other characters. */
function stripMarks(text: string): string {
  return text.replace(marks, "");
}

/** `is_chinese_char` of normalizers/bert.rs. */
const ideographs =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** What BERT's BasicTokenizer does before it splits. */
function bertNormalizer(step: JsonValue): Normalizer {
  const cleans = step.get("clean_text").boolean();
  const handlesIdeographs = step.get("handle_chinese_chars").boolean();
  const lowers = step.get("lowercase").boolean();
  const strips = step.get("strip_accents").boolean(lowers);
  return (text) => {
    if (cleans) text = text.replace(controls, "").replace(/\p{White_Space}/gu, " ");
    if (handlesIdeographs) text = text.replace(ideographs, " $& ");
    if (strips) text = stripMarks(normalized(text, "NFD"));
    return lowers ? lowercase(text) : text;
  };
}
