import { quote } from "@gpt/tensor";
import { isHead } from "./linear-modules.ts";
import type { LinearModule } from "./linear-modules.ts";
import { compilePattern, PatternError } from "./pattern.ts";

/** Which linear layers get an adapter, and of which rank and alpha: as PEFT says it. */
export interface AdapterTargets {
  /**
   * Names of linear layers in Hugging Face's transformers, whole (`model.layers.0.self_attn.q_proj`) or their ends (`q_proj`); or
   * one text, which is `all-linear`, for all but the head, or else a regular expression of whole names.
   */
  readonly targets: string | readonly string[];
  /** Of these, layers that get none, named in the same way. */
  readonly exclude: string | readonly string[];
  /** The numbers of blocks, where only some get adapters. Does not apply to whole names and regular expressions. */
  readonly layers: number | readonly number[] | undefined;
  /** The name of the list of blocks in which these numbers count. Default: any. */
  readonly layersPattern: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  /** Ranks of some layers, by their names, ends of names, or regular expressions of either. The first that matches counts. */
  readonly rankPattern: Readonly<Record<string, number>>;
  /** The same of alpha. */
  readonly alphaPattern: Readonly<Record<string, number>>;
}

/** A linear layer that gets an adapter. */
export interface Target {
  readonly module: LinearModule;
  readonly rank: number;
  readonly alpha: number;
}

/** All patterns together may be compiled to this many, so that a file cannot keep a program busy. */
const mostPatterns = 50;

/**
 * The layers that get adapters, and theirs of `targets` that match none. `fail` makes an error of a problem with a field. The
 * rules are those of PEFT at 5d602fd: src/peft/tuners/tuners_utils.py, check_target_module_exists and
 * _maybe_include_all_linear_layers; src/peft/utils/other.py, get_pattern_key.
 */
export function findTargets(
  modules: readonly LinearModule[], settings: AdapterTargets, fail: (field: keyof AdapterTargets, problem: string) => Error,
): { readonly targets: Target[]; readonly unmatched: string[] } {
  let patterns = 0;
  const compile = (field: keyof AdapterTargets, pattern: string, before = ""): ((name: string) => boolean) => {
    if (++patterns > mostPatterns) throw fail(field, `is one of more than ${mostPatterns} regular expressions`);
    try {
      return compilePattern(before === "" ? pattern : `${before}(${pattern})`);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw fail(field, `${quote(pattern)} is not supported: ${error.message}`);
    }
  };
  const numberBy = (field: "rankPattern" | "alphaPattern", fallback: number): ((name: string) => number) => {
    const tests = Object.entries(settings[field]).map(([key, value]) => {
      const matches = plainPattern(key) ?? compile(field, key, "(.*\\.)?");
      return { matches, value };
    });
    return (name) => tests.find(({ matches }) => matches(name))?.value ?? fallback;
  };
  const nameList = (field: "targets" | "exclude"): ((name: string) => boolean) => {
    const value = settings[field];
    if (typeof value === "string") return compile(field, value);
    const names = new Set(value);
    return (name) => endsOf(name).some((end) => names.has(end));
  };
  const { targets: wanted, exclude, layers } = settings;
  const isOne = typeof wanted === "string";
  if (isOne && layers !== undefined) throw fail("layers", `applies to ends of names alone, and targets is ${quote(wanted)}; list ends of names`);
  const isAll = isOne && wanted.toLowerCase() === "all-linear";
  const isTarget = isAll ? () => true : nameList("targets");
  const isExcluded = exclude.length > 0 ? nameList("exclude") : () => false;
  const [rankOf, alphaOf] = [numberBy("rankPattern", settings.rank), numberBy("alphaPattern", settings.alpha)];
  const targets = modules
    .filter((module) => !(isAll && isHead(module)) && !isExcluded(module.name) && isTarget(module.name))
    .filter(({ name }) => isOne || wanted.includes(name) || isInLayers(name, settings))
    .map((module) => ({ module, rank: rankOf(module.name), alpha: alphaOf(module.name) }));
  const ends = new Set(modules.flatMap(({ name }) => endsOf(name)));
  const unmatched = isOne ? [] : wanted.filter((target) => !ends.has(target));
  return { targets, unmatched };
}

/** A name, and what of it follows each of its dots. */
function endsOf(name: string): string[] {
  const parts = name.split(".");
  return parts.map((_, i) => parts.slice(i).join("."));
}

/** A test for a key without anything but characters and dots, which need no automaton: there may be one for each layer. */
function plainPattern(key: string): ((name: string) => boolean) | undefined {
  if (!/^[\w.-]+$/.test(key)) return undefined;
  return (name) => {
    const start = name.length - key.length;
    if (start < 0 || (start > 0 && name[start - 1] !== ".")) return false;
    for (let i = 0; i < key.length; i++) if (key[i] !== "." && key[i] !== name[start + i]) return false;
    return true;
  };
}

/** Whether the number of a layer's block is among those that are asked for. */
function isInLayers(name: string, { layers, layersPattern }: AdapterTargets): boolean {
  const numbers = typeof layers === "number" ? [layers] : (layers ?? []);
  if (numbers.length === 0 && typeof layers !== "number") return true;
  const parts = name.split(".");
  const at = parts.findIndex((part, i) =>
    i >= 1 && i < parts.length - 1 && /^\d+$/.test(part) && (layersPattern.length === 0 || layersPattern.includes(parts[i - 1])));
  return at >= 0 && numbers.includes(Number(parts[at]));
}
