import type { Tensor, Weight } from "@gpt/tensor";
import { copyInto, flag, noGrad, quote, PackedWeight, Tensor as TensorClass, text, valueThat } from "@gpt/tensor";
import { check, stateExpected, tensorExpected } from "./checks.ts";
import { ModuleError } from "./errors.ts";

/**
 * A part of a model. Its parameters and parts are its own properties: tensors, modules and arrays of modules; their
 * paths (`blocks.3.attention.qkv.weight`) name them in `stateDict`. A subclass adds a `forward`.
 */
export abstract class Module {
  #training = true;

  /** Whether dropout is active. `train()` and `eval()` change it, for all parts. */
  get training(): boolean {
    return this.#training;
  }

  /** Puts all parts into training mode, or with `false` into evaluation mode. */
  train(training = true): this {
    check("train", training, flag);
    this.#training = training;
    for (const [, child] of this.children()) child.train(training);
    return this;
  }

  /** Puts all parts into evaluation mode: dropout passes its input on. */
  eval(): this {
    return this.train(false);
  }

  /**
   * What `compute` gives with this module and all its parts in evaluation mode. Afterwards each is in the mode in which it
   * was: nothing outside of `compute`, which is synchronous, sees a difference.
   */
  evaluating<T>(compute: () => T): T {
    const active = [...this.modules()].filter((module) => module.#training);
    for (const module of active) module.#training = false;
    try {
      const result = compute();
      if (result instanceof Promise) {
        throw new ModuleError("invalid-argument", "evaluating: the function is asynchronous; await what it needs before");
      }
      return result;
    } finally {
      for (const module of active) module.#training = true;
    }
  }

  /** This module and all its parts, each once. */
  *modules(seen = new Set<Module>()): Generator<Module> {
    if (seen.has(this)) return;
    seen.add(this);
    yield this;
    for (const [, child] of this.children()) yield* child.modules(seen);
  }

  /** The direct parts with their names. */
  *children(): Generator<[name: string, module: Module]> {
    for (const [name, value] of Object.entries(this) as [string, unknown][]) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [index, item] of value.entries()) if (item instanceof Module) yield [`${name}.${index}`, item];
      }
    }
  }

  /**
   * All weights with their paths, in the order of declaration: the parameters, and matrices that are stored in fewer bits.
   * One that is shared appears once.
   */
  *namedWeights(prefix = "", seen = new Set<Weight>()): Generator<[path: string, weight: Weight]> {
    for (const [name, value] of Object.entries(this) as [string, unknown][]) {
      if (!(value instanceof TensorClass || value instanceof PackedWeight) || seen.has(value as Weight)) continue;
      seen.add(value as Weight);
      yield [prefix + name, value as Weight];
    }
    for (const [name, child] of this.children()) yield* child.namedWeights(`${prefix}${name}.`, seen);
  }

  /** The weights that can be trained: those that are tensors. */
  *namedParameters(): Generator<[path: string, parameter: Tensor]> {
    for (const [path, weight] of this.namedWeights()) if (weight instanceof TensorClass) yield [path, weight];
  }

  /** The same without their paths. */
  parameters(): Tensor[] {
    return Array.from(this.namedParameters(), ([, parameter]) => parameter);
  }

  /** The number of elements in all weights; a shared one counts once. */
  parameterCount(): number {
    return Array.from(this.namedWeights()).reduce((count, [, { size }]) => count + size, 0);
  }

  /**
   * The parameters by path: the tensors themselves, not copies. Throws `invalid-state` where weights are stored in fewer
   * bits: see `namedWeights`.
   */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const [path, weight] of this.namedWeights()) {
      if (weight instanceof PackedWeight) {
        throw new ModuleError(
          "invalid-state",
          `stateDict: ${path} is stored as ${weight.dtype}, and so no tensor; use namedWeights, or f32 weights`,
        );
      }
      state.set(path, weight);
    }
    return state;
  }

  /** Copies values into the parameters. Every parameter must be there, with its shape, and nothing else. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    check("loadStateDict: the state", state, stateExpected);
    const own = this.stateDict();
    const missing = [...own.keys()].filter((path) => !state.has(path));
    const unexpected = [...state.keys()].filter((path) => !own.has(path));
    if (missing.length > 0 || unexpected.length > 0) {
      const list = (title: string, paths: string[]): string =>
        paths.length > 0 ? `; ${title}: ${paths.slice(0, 5).map(quote).join(", ")}${paths.length > 5 ? ", …" : ""}` : "";
      throw new ModuleError(
        "invalid-state",
        `loadStateDict: the state does not fit the module${list("missing", missing)}${list("unexpected", unexpected)}`,
      );
    }
    for (const [path, target] of own) {
      const source = state.get(path) as Tensor;
      check(`loadStateDict: ${path}`, source, tensorExpected);
      if (source.shape.join() !== target.shape.join()) {
        throw new ModuleError(
          "invalid-state",
          `loadStateDict: ${path} is [${source.shape.join(", ")}], the module has [${target.shape.join(", ")}]`,
        );
      }
    }
    noGrad(() => {
      for (const [path, target] of own) copyInto(target, state.get(path) as Tensor);
    });
  }

  /** The part at a path, such as `blocks.3.attention.qkv`. Throws `unknown-path` where there is none. */
  getSubmodule(path: string): Module {
    check("getSubmodule: the path", path, text);
    let module: Module = this;
    let rest = path;
    while (rest !== "") {
      const next = [...module.children()].find(([name]) => rest === name || rest.startsWith(`${name}.`));
      if (!next) throw new ModuleError("unknown-path", `there is no part ${quote(path)} in this ${this.constructor.name}`);
      rest = rest.slice(next[0].length + 1);
      module = next[1];
    }
    return module;
  }

  /** Puts another module in the place of the part at a path, and returns the old one: how adapters wrap layers. */
  setSubmodule(path: string, module: Module): Module {
    check("setSubmodule: the module", module, moduleExpected);
    if (path === "") throw new ModuleError("unknown-path", "setSubmodule: the path is empty; name a part of the module");
    const old = this.getSubmodule(path);
    if ("forward" in old && !("forward" in module)) throw new ModuleError("invalid-argument", "setSubmodule: the module has no forward");
    const steps = path.split(".");
    const last = steps.pop() as string;
    let holder: unknown = this;
    for (const step of steps) holder = (holder as Record<string, unknown>)[step];
    (holder as Record<string, unknown>)[last] = module;
    return old;
  }

  /** Frees the weights and their gradients, those of its parts first. */
  dispose(): void {
    for (const [, child] of this.children()) child.dispose();
    for (const [, weight] of this.namedWeights()) weight.dispose();
  }
}

const moduleExpected = valueThat("a module", (value) => value instanceof Module);
