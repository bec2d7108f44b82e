import { TokenizerError } from "../errors.ts";
import { Interpreter } from "./jinja.ts";
import type { Node, Scope, Value } from "./jinja.ts";
import { sizeOf } from "./program.ts";
import { Scale } from "./weight.ts";

export interface Limits {
  /** About what evaluating an expression takes, less than a microsecond. */
  readonly steps: number;
  /** UTF-16 units that a value may have, and all that is written out together. */
  readonly characters: number;
}

/** Items that a list may have. */
const maxItems = 100_000;
/** Characters, and items, that are gone through in the time of a step. */
const charactersPerStep = 256;
const itemsPerStep = 8;
/** What making a scope takes, with its variables. */
const stepsPerScope = 8;
/** Filters that do not go through what they are given: templates ask for the length of a chat at each message. */
const immediateFilters = new Set(["length", "first", "last", "default"]);
/** Escaping makes this of a character at most. */
const longestEscape = 6;

/**
 * Runs a template and ends one that takes too many steps, or makes too much text. The library evaluates all by one
 * method, so that each expression is counted, and what may be large is weighed before it is made.
 */
export class LimitedInterpreter extends Interpreter {
  readonly #limits: Limits;
  #steps = 0;
  #written = 0;
  readonly #scale = new Scale((items) => this.spend(items / itemsPerStep));
  readonly #sizes = new WeakMap<object, number>();

  constructor(environment: Scope, limits: Limits) {
    super(environment);
    this.#limits = limits;
  }

  /** Throws `template-limit` when the steps are used up. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limits.steps) throw limit(`takes more than ${this.#limits.steps} steps`);
  }

  /** Throws `template-limit` for a list that is too long; counts one that is not. */
  expectItems(count: number): void {
    if (count > maxItems) throw limit(`makes a list of more than ${maxItems} items`);
    this.spend(count / itemsPerStep);
  }

  #expectCharacters(count: number): void {
    if (count > this.#limits.characters) throw limit(`makes more than ${this.#limits.characters} characters`);
    this.spend(count / charactersPerStep);
  }

  override evaluate(node: Node | undefined, environment: Scope): Value {
    if (!node) return super.evaluate(node, environment);
    if (node.type === "Known") return node.value as Value;
    this.spend(1);
    switch (node.type) {
      case "Output":
        return this.#output(this.evaluate(node.expression as Node, environment));
      case "Listed":
        return this.#listed(this.evaluate(node.expression as Node, environment));
      case "Identifier":
        return this.#lookUp(node.value as string, environment);
      case "BinaryExpression":
        return this.#binary(node, environment);
      case "FilterExpression":
        return this.#filter(node, this.evaluate(node.operand as Node, environment), environment);
      case "FilterStatement": {
        const body = { type: "Program", body: node.body };
        return this.#filter(node, super.evaluate(body, environment), environment);
      }
      case "TestExpression": {
        const operand = this.evaluate(node.operand as Node, environment);
        this.#expectCharacters(lengthOf(operand));
        return super.evaluate(changed(node, { operand: known(operand) }), environment);
      }
      case "MemberExpression":
        return this.#member(node, environment);
      case "ArrayLiteral":
      case "TupleLiteral":
      case "ObjectLiteral":
        return this.#checked(super.evaluate(node, environment));
      case "CallExpression":
        return this.#checked(super.evaluate(node, environment));
      case "Macro":
      case "CallStatement":
        // The library goes through the body to find out which arguments it asks for.
        this.spend(this.#sizeOf(node) / itemsPerStep);
        return super.evaluate(node, environment);
      case "Break":
      case "Continue":
        // These are thrown.
        this.spend(50);
        return super.evaluate(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  /** What a value is as text, as part of all that is written out. */
  #output(value: Value): Value {
    if (value.type === "NullValue" || value.type === "UndefinedValue") return value;
    if (isLarge(value)) this.#expectCharacters(this.#textLength(value));
    const text = value.toString();
    this.#written += text.length;
    this.spend(text.length / charactersPerStep);
    if (this.#written > this.#limits.characters) throw limit(`writes more than ${this.#limits.characters} characters`);
    return this.#text(text);
  }

  #listed(value: Value): Value {
    const content: unknown = value.value;
    // Each item gets a scope.
    if (Array.isArray(content)) this.spend(stepsPerScope * content.length);
    else if (content instanceof Map) this.spend(stepsPerScope * content.size);
    return value;
  }

  /** The library throws and catches an error for each name that there is not. */
  #lookUp(name: string, environment: Scope): Value {
    let depth = 0;
    for (let scope: Scope | undefined = environment; scope; scope = scope.parent) {
      if (++depth % itemsPerStep === 0) this.spend(1);
      const value = scope.variables.get(name);
      if (value) return name === "namespace" && value.type === "FunctionValue" ? this.#guarded(value, undefined, name) : value;
    }
    return super.evaluate(undefined, environment);
  }

  #binary(node: Node, environment: Scope): Value {
    const operator = (node.operator as { readonly value: string }).value;
    if (operator === "and" || operator === "or") return super.evaluate(node, environment);
    const [left, right] = [node.left, node.right].map((side) => this.evaluate(side as Node, environment));
    if (operator === "+" || operator === "~") {
      if (Array.isArray(left.value) && Array.isArray(right.value)) this.expectItems(left.value.length + right.value.length);
      else this.#expectCharacters(this.#textLength(left) + this.#textLength(right));
    } else if (operator === "in" || operator === "not in") this.#expectSearch(left, right);
    else this.spend(Math.min(lengthOf(left), lengthOf(right)) / charactersPerStep);
    return this.#checked(super.evaluate(changed(node, { left: known(left), right: known(right) }), environment));
  }

  /** Searching takes the product of the two lengths at worst. */
  #expectSearch(part: Value, whole: Value): void {
    const content: unknown = whole.value;
    if (Array.isArray(content)) this.spend((content.length * (1 + lengthOf(part) / charactersPerStep)) / itemsPerStep);
    else this.spend((lengthOf(whole) * (1 + lengthOf(part) / 4)) / charactersPerStep);
  }

  #filter(node: Node, operand: Value, environment: Scope): Value {
    const filter = node.filter as Node;
    const given: Arguments = { positional: [], named: new Map() };
    let changedFilter = filter;
    if (filter.type === "CallExpression") {
      const args = (filter.args as Node[]).map((argument) => this.#argument(argument, given, environment));
      changedFilter = changed(filter, { args });
    }
    const name = filter.type === "CallExpression" ? (filter.callee as Node).value : filter.value;
    this.#expectFilter(String(name), operand, given);
    const expression = changed(node, { type: "FilterExpression", operand: known(operand), filter: changedFilter });
    return this.#checked(super.evaluate(expression, environment));
  }

  /** An argument of a filter, evaluated, but for literals, which some filters ask for. */
  #argument(argument: Node, given: Arguments, environment: Scope): Node {
    const evaluate = (field: string): Value => this.evaluate(argument[field] as Node, environment);
    switch (argument.type) {
      case "StringLiteral":
        given.positional.push(this.evaluate(argument, environment));
        return argument;
      case "KeywordArgumentExpression": {
        const value = evaluate("value");
        given.named.set((argument.key as { readonly value: string }).value, value);
        return changed(argument, { value: known(value) });
      }
      case "SpreadExpression": {
        const list = evaluate("argument");
        if (Array.isArray(list.value)) given.positional.push(...(list.value as Value[]));
        return changed(argument, { argument: known(list) });
      }
      case "KeywordSpreadExpression": {
        const map = evaluate("argument");
        if (map.value instanceof Map) for (const [key, value] of map.value as Map<string, Value>) given.named.set(key, value);
        return changed(argument, { argument: known(map) });
      }
      default: {
        const value = this.evaluate(argument, environment);
        given.positional.push(value);
        return known(value);
      }
    }
  }

  #expectFilter(name: string, operand: Value, given: Arguments): void {
    if (immediateFilters.has(name)) return;
    const { characters, parts, depth } = this.#scale.weigh(operand);
    // Lists in lists are written as JSON.
    const joined = depth > 1 ? this.#textLength(operand) : characters;
    const argument = (index: number, key: string): unknown => (given.positional.at(index) ?? given.named.get(key))?.value;
    const items = Array.isArray(operand.value) ? operand.value.length : 0;
    switch (name) {
      case "tojson": {
        const indent = Math.max(0, Number(given.named.get("indent")?.value ?? 0)) || 0;
        const separators = given.named.get("separators");
        const between = separators ? this.#scale.weigh(separators).characters : 4;
        this.spend(parts);
        return this.#expectCharacters(characters + parts * ((depth + 1) * indent + between));
      }
      case "join": {
        const separator = argument(0, "separator");
        const between = typeof separator === "string" ? separator.length : 0;
        return this.#expectCharacters(joined + between * Math.max(items, lengthOf(operand)));
      }
      case "indent": {
        const width = Math.max(0, Number(argument(0, "width") ?? 4)) || 0;
        const lines = typeof operand.value === "string" ? 1 + occurrences(operand.value, "\n") : 1;
        return this.#expectCharacters(characters + width * lines);
      }
      case "replace":
        return this.#expectReplace(operand.value, argument(0, "old"), argument(1, "new"));
      case "string":
        return this.#expectCharacters(this.#textLength(operand));
      case "map": {
        const path = given.named.get("attribute");
        return this.spend((items * (1 + (path ? lengthOf(path) : 0))) / itemsPerStep);
      }
      default: {
        // Sorting n items takes about n · log2 n comparisons.
        const rounds = name === "sort" || name === "dictsort" ? 1 + Math.log2(1 + parts) : 1;
        this.spend(rounds * (parts / itemsPerStep + characters / charactersPerStep));
      }
    }
  }

  #expectReplace(text: unknown, old: unknown, replacement: unknown): void {
    if (typeof text !== "string" || typeof old !== "string" || typeof replacement !== "string") return;
    this.spend((text.length * (1 + old.length / 4)) / charactersPerStep);
    const count = old === "" ? text.length + 1 : occurrences(text, old);
    this.spend(count / itemsPerStep);
    this.#expectCharacters(text.length + count * Math.max(0, replacement.length - old.length));
  }

  #member(node: Node, environment: Scope): Value {
    const object = this.evaluate(node.object as Node, environment);
    const isSlice = (node.property as Node).type === "SliceExpression";
    // A string is taken apart.
    if (isSlice) this.spend((lengthOf(object) + (Array.isArray(object.value) ? object.value.length : 0)) / itemsPerStep);
    const value = super.evaluate(changed(node, { object: known(object) }), environment);
    if (isSlice) return this.#checked(value);
    return value.type === "FunctionValue" && object.type !== "NamespaceValue" && !isOwn(object, value)
      ? this.#guarded(value, object, String((node.property as Node).value))
      : value;
  }

  /** A method whose work is counted, wherever it is called. */
  #guarded(method: Value, object: Value | undefined, name: string): Value {
    const call = method.value as (args: Value[], scope: Scope) => Value;
    const guarded = (args: Value[], scope: Scope): Value => {
      const values = args.map((argument) => argument.value);
      if (object) this.spend(lengthOf(object) / charactersPerStep + (object.value instanceof Map ? object.value.size : 0) / itemsPerStep);
      for (const argument of args) {
        const content: unknown = argument.value;
        if (Array.isArray(content)) this.spend(content.length * (1 + (object ? lengthOf(object) / charactersPerStep : 0)));
        else if (content instanceof Map) this.spend(content.size / itemsPerStep);
        else this.spend(lengthOf(argument) / charactersPerStep);
      }
      const text: unknown = object?.value;
      if (name === "replace") this.#expectReplace(text, values[0], values[1]);
      if (name === "split" && typeof text === "string") {
        const separator = values[0];
        if (typeof separator === "string") this.#expectSearch(args[0], object!);
        this.expectItems(typeof separator === "string" && separator !== "" ? 1 + occurrences(text, separator) : words(text));
      }
      if (name === "dictsort") this.#expectFilter(name, object!, { positional: args, named: new Map() });
      return call(args, scope);
    };
    return new (method.constructor as new (value: unknown) => Value)(guarded);
  }

  /** A value that was just made, where it is not too large. */
  #checked(value: Value): Value {
    if (typeof value.value === "string") {
      this.#expectCharacters(value.value.length);
      return value;
    }
    if (!isLarge(value)) return value;
    const content = value.value as Value[] | Map<string, Value>;
    this.expectItems(Array.isArray(content) ? content.length : content.size);
    const { characters } = this.#scale.weigh(value);
    if (characters > this.#limits.characters) throw limit(`makes more than ${this.#limits.characters} characters`);
    return value;
  }

  /** How long a value is as text, at most. */
  #textLength(value: Value): number {
    if (!isLarge(value)) return Math.max(lengthOf(value), 1);
    const { characters, parts } = this.#scale.weigh(value);
    return characters * longestEscape + 6 * parts;
  }

  #text(text: string): Value {
    return super.evaluate({ type: "StringLiteral", value: text }, this.global);
  }

  #sizeOf(node: Node): number {
    let size = this.#sizes.get(node);
    if (size === undefined) this.#sizes.set(node, (size = sizeOf(node)));
    return size;
  }
}

interface Arguments {
  readonly positional: Value[];
  readonly named: Map<string, Value>;
}

export function limit(problem: string, cause?: unknown): TokenizerError {
  return new TokenizerError("template-limit", `the chat template ${problem}`, { cause });
}

/** A node that stands for a value. */
function known(value: Value): Node {
  return { type: "Known", value };
}

/** A node with other fields. */
function changed(node: Node, fields: Record<string, unknown>): Node {
  return { ...node, ...fields };
}

function isLarge(value: Value): boolean {
  return Array.isArray(value.value) || (value.value) instanceof Map;
}

/** Whether a function is a value of an object, not a method. */
function isOwn(object: Value, method: Value): boolean {
  const content: unknown = object.value;
  return content instanceof Map && [...content.values()].includes(method);
}

function lengthOf(value: Value): number {
  return typeof value.value === "string" ? value.value.length : 0;
}

function occurrences(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}

function words(text: string): number {
  let count = 0;
  for (const _ of text.matchAll(/\S+/g)) count++;
  return count;
}
