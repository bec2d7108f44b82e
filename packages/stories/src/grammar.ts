import { StoriesError } from "./errors.ts";

/** What a role can be filled with: its name, and other forms of it such as pronouns. */
export interface Filler {
  readonly name: string;
  readonly [form: string]: string;
}

/**
 * A grammar of stories, as data. A template is a sentence with places to fill in. `[list]` draws a word of a list anew
 * each time. `{role}` draws a filler where a story first mentions the role, and stands for the same one from then on;
 * `{role.form}` is another form of that filler, and `{role.Form}` that form with a capital. All draws are uniform.
 */
export interface GrammarSource {
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly roles: Readonly<Record<string, readonly Filler[]>>;
  /** For each sentence of a story, in order, the templates of which one is drawn. */
  readonly plot: readonly (readonly string[])[];
}

/** One piece of a template. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly words: readonly string[] }
  /** `words[i]` is the form of filler i. */
  | { readonly kind: "role"; readonly role: string; readonly words: readonly string[] };

export type Template = readonly Part[];

/** For each sentence of a story, in order, the templates of which one is drawn. */
export type Grammar = readonly (readonly Template[])[];

/** Splits the templates into parts and looks up the words of each. */
export function compileGrammar(source: GrammarSource): Grammar {
  return source.plot.map((templates) => templates.map((template) => compileTemplate(template, source)));
}

function compileTemplate(template: string, { lists, roles }: GrammarSource): Template {
  const pieces = template.split(/(\[\w+\]|\{\w+(?:\.\w+)?\})/).filter((piece) => piece !== "");
  return pieces.map((piece): Part => {
    const [name, form = "name"] = piece.slice(1, -1).split(".");
    if (piece.startsWith("[")) {
      return { kind: "list", words: lookUp(lists, name, template) };
    }
    if (piece.startsWith("{")) {
      const words = lookUp(roles, name, template).map((filler) => formOf(filler, form, template));
      return { kind: "role", role: name, words };
    }
    return { kind: "text", text: piece };
  });
}

function formOf(filler: Filler, form: string, template: string): string {
  const plain = form[0].toLowerCase() + form.slice(1);
  const word = lookUp(filler, plain, template);
  return form === plain ? word : word[0].toUpperCase() + word.slice(1);
}

function lookUp<T>(record: Readonly<Record<string, T>>, name: string, template: string): T {
  if (Object.hasOwn(record, name)) return record[name];
  throw new StoriesError(
    "invalid-option",
    `the grammar has no "${name}", which the template ${JSON.stringify(template)} asks for; ` +
      `there are ${Object.keys(record).join(", ")}`,
  );
}
