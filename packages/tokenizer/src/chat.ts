import { checkData } from "./chat/data.ts";
import { limit, LimitedInterpreter } from "./chat/interpreter.ts";
import { Environment } from "./chat/jinja.ts";
import { invalid, readProgram } from "./chat/program.ts";
import { strftime } from "./chat/strftime.ts";
import { TooDeepError } from "./chat/weight.ts";
import { TokenizerError } from "./errors.ts";
import { passOn, quote } from "./messages.ts";
import { checkOptions, checkText, invalidOption, isList } from "./options.ts";
import type { Tokenizer } from "./tokenizer.ts";

export { plainChatTemplate } from "./chat/plain-template.ts";

/** A message of a chat. Templates may ask for more fields than these, such as `tool_calls`. */
export interface ChatMessage {
  /** Who speaks: "system", "user", "assistant", "tool", …. */
  readonly role: string;
  /** What is said; some templates take parts, such as `{ type: "text", text }`. */
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

export interface ChatTemplateOptions {
  /** The tokenizer of the model's folder, which brings the template along. */
  readonly tokenizer: Tokenizer;
  /**
   * The name of one of the tokenizer's templates, or a template in Jinja. Default: the tokenizer's `tool_use` where there
   * are tools and such a template, else its `default`.
   */
  readonly template?: string;
  /** Functions that the model may call, as JSON Schemas. Default: none. */
  readonly tools?: readonly unknown[];
  /** Texts that the model may quote, for templates that ask for them. Default: none. */
  readonly documents?: readonly unknown[];
  /** Whether the text ends with what begins an answer. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template, such as `{ enable_thinking: false }`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** What templates take for the present moment. Default: now. */
  readonly now?: Date;
  /** Steps that the template may take; a long chat takes some ten thousand. Default 2,000,000, less than a second or two. */
  readonly maxSteps?: number;
  /** UTF-16 units that the text, or a value in the template, may have. Default 4,000,000. */
  readonly maxCharacters?: number;
}

/** What a model is given for a chat. */
export interface RenderedChat {
  readonly text: string;
  /** The tokens of the text, special ones among them. The tokenizer adds none: the template has what is needed. */
  readonly ids: number[];
  /** What is odd about it, in words. */
  readonly warnings: readonly string[];
}

const names = ["messages", "tools", "documents", "add_generation_prompt", "raise_exception", "strftime_now", "range"];
const constants = { true: true, false: false, none: null, True: true, False: false, None: null };

/**
 * Makes the text, and the tokens, that a chat model is given, by the template of its folder (`chat_template.jinja`, or
 * `chat_template` of `tokenizer_config.json`), as transformers' `apply_chat_template` does. A template is a program of
 * strangers: it cannot reach anything but its variables, and one that runs too long or makes too much is ended.
 *
 * Messages are trusted like a template: special tokens that are written out in them become these tokens, as in
 * transformers.
 *
 * Throws `no-chat-template`, `invalid-template`, `template-limit`, and `template-raised` with the words of a template that
 * refuses a chat.
 *
 * @example
 * const tokenizer = await loadTokenizer("model");
 * const { ids } = applyChatTemplate([{ role: "user", content: "Hi!" }], { tokenizer, addGenerationPrompt: true });
 */
export function applyChatTemplate(messages: readonly ChatMessage[], options: ChatTemplateOptions): RenderedChat {
  checkOptions(options);
  const { tokenizer, tools, documents, addGenerationPrompt = false, variables = {}, now = new Date() } = options;
  const { maxSteps = 2_000_000, maxCharacters = 4_000_000 } = options;
  checkArguments(messages, options);
  const program = readProgram(templateOf(options));

  const environment = new Environment();
  const interpreter = new LimitedInterpreter(environment, { steps: maxSteps, characters: maxCharacters });
  const given = {
    ...constants,
    ...roleTokens(tokenizer),
    ...checkData("variables", variables),
    messages: checkData("messages", messages),
    tools: checkData("tools", tools) ?? null,
    documents: checkData("documents", documents) ?? null,
    add_generation_prompt: addGenerationPrompt,
    raise_exception: (words: unknown) => {
      throw new TokenizerError("template-raised", `the chat template refuses the chat: ${passOn(String(words))}`);
    },
    strftime_now: (format: unknown) => {
      if (typeof format !== "string") throw new Error("strftime_now takes a string");
      interpreter.spend(20 + format.length);
      return strftime(now, format);
    },
    range: (...bounds: unknown[]) => range(bounds, interpreter),
  };
  for (const [name, value] of Object.entries(given)) environment.set(name, value);
  const text = run(() => interpreter.run(program).value as string);
  const ids = tokenizer.encode(text, { allowedSpecial: "all" });
  return { text, ids, warnings: warningsOf(ids, tokenizer) };
}

function checkArguments(messages: unknown, options: ChatTemplateOptions): void {
  const { tokenizer, tools, documents, addGenerationPrompt, variables = {}, now, maxSteps = 1, maxCharacters = 1 } = options;
  if (!isList(messages)) throw invalidOption("messages", messages, "an array of messages");
  if (typeof (tokenizer as Tokenizer | undefined)?.encode !== "function") throw invalidOption("tokenizer", tokenizer, "a tokenizer");
  for (const [name, list] of Object.entries({ tools, documents })) {
    if (list !== undefined && !isList(list)) throw invalidOption(name, list, "an array, or leave it out");
  }
  if (!["boolean", "undefined"].includes(typeof addGenerationPrompt)) {
    throw invalidOption("addGenerationPrompt", addGenerationPrompt, "true or false");
  }
  if (typeof variables !== "object" || (variables as unknown) === null) throw invalidOption("variables", variables, "an object");
  const taken = [...names, ...Object.keys(constants)].find((name) => Object.hasOwn(variables, name));
  if (taken !== undefined) throw invalidOption("variables", taken, "names that templates do not have already");
  if (now !== undefined && !(now instanceof Date && !Number.isNaN(now.getTime()))) throw invalidOption("now", now, "a Date");
  for (const [name, count] of Object.entries({ maxSteps, maxCharacters })) {
    if (!Number.isSafeInteger(count) || count < 1) throw invalidOption(name, count, "a whole number from 1 on");
  }
}

function templateOf({ tokenizer, template, tools }: ChatTemplateOptions): string {
  const known = tokenizer.chatTemplates ?? new Map<string, string>();
  if (template !== undefined) {
    checkText("template", template);
    return known.get(template) ?? template;
  }
  const found = (tools && known.get("tool_use")) ?? known.get("default");
  if (found !== undefined) return found;
  const others = [...known.keys()].map((name) => quote(name)).join(", ");
  const advice = others ? `name one of ${others}` : "pass { template: … }";
  throw new TokenizerError("no-chat-template", `the tokenizer has no template of chats by default; ${advice}`);
}

/** The tokens that have a part in texts, as templates know them: `bos_token` and so on. */
function roleTokens({ roles, specialTokens }: Tokenizer): Record<string, string> {
  const contents = new Map(Array.from(specialTokens ?? [], ([content, id]) => [id, content]));
  const named = Object.entries(roles).map(([role, id]): [string, string | undefined] => [`${role}_token`, contents.get(id as number)]);
  return Object.fromEntries(named.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Python's `range`, of a bounded length. */
function range(bounds: readonly unknown[], interpreter: LimitedInterpreter): number[] {
  if (bounds.length === 0 || bounds.length > 3 || !bounds.every((bound) => Number.isSafeInteger(bound))) {
    throw new Error("range takes one to three whole numbers");
  }
  const [first, second, step = 1] = bounds as number[];
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("the step of a range is 0");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  interpreter.expectItems(count);
  interpreter.spend(count);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

function run(render: () => string): string {
  try {
    return render();
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    // The engine's stack is used up, or a string is too long for it.
    if (cause instanceof RangeError || cause instanceof TooDeepError) throw limit("is nested too deeply, or makes too much", cause);
    throw invalid(`fails: ${passOn(String((cause as Error).message))}`, cause);
  }
}

function warningsOf(ids: readonly number[], tokenizer: Tokenizer): string[] {
  const before = tokenizer.around?.before ?? [];
  const isDouble = before.length > 0 && before.every((id, index) => ids[index] === id);
  if (!isDouble) return [];
  const token = quote(tokenizer.decode([before[0]]));
  return [
    `the template begins with ${token}, which the tokenizer adds too: encode the text without addSpecialTokens, as ids are, ` +
      "or the model gets it twice",
  ];
}
