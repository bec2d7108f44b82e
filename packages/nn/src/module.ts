import type { Tensor } from "@gpt/tensor";
import { copyInto, noGrad, Tensor as TensorClass } from "@gpt/tensor";
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

  train(training = true): this {
    this.#training = training;
    for (const [, child] of this.children()) child.train(training);
    return this;
  }

  eval(): this {
    return this.train(false);
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

  /** All parameters with their paths, in the order of declaration. One that is shared appears once. */
  *namedParameters(prefix = "", seen = new Set<Tensor>()): Generator<[path: string, parameter: Tensor]> {
    for (const [name, value] of Object.entries(this) as [string, unknown][]) {
      if (value instanceof TensorClass && !seen.has(value as Tensor)) {
        seen.add(value as Tensor);
        yield [prefix + name, value as Tensor];
      }
    }
    for (const [name, child] of this.children()) yield* child.namedParameters(`${prefix}${name}.`, seen);
  }

  parameters(): Tensor[] {
    return Array.from(this.namedParameters(), ([, parameter]) => parameter);
  }

  /** The number of elements in all parameters; a shared one counts once. */
  parameterCount(): number {
    return this.parameters().reduce((count, { size }) => count + size, 0);
  }

  /** The parameters by path: the tensors themselves, not copies. */
  stateDict(): Map<string, Tensor> {
    return new Map(this.namedParameters());
  }

  /** Copies values into the parameters. Every parameter must be there, with its shape, and nothing else. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const own = this.stateDict();
    const missing = [...own.keys()].filter((path) => !state.has(path));
    const unexpected = [...state.keys()].filter((path) => !own.has(path));
    if (missing.length > 0 || unexpected.length > 0) {
      const list = (title: string, paths: string[]): string =>
        paths.length > 0 ? `; ${title}: ${paths.slice(0, 5).join(", ")}${paths.length > 5 ? ", …" : ""}` : "";
      throw new ModuleError(
        "invalid-state",
        `loadStateDict: the state does not fit the module${list("missing", missing)}${list("unexpected", unexpected)}`,
      );
    }
    for (const [path, target] of own) {
      const source = state.get(path) as Tensor;
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

  /** The part at a path, such as `blocks.3.attention.qkv`. */
  find(path: string): Module {
    let module: Module = this;
    let rest = path;
    while (rest !== "") {
      const next = [...module.children()].find(([name]) => rest === name || rest.startsWith(`${name}.`));
      if (!next) throw new ModuleError("unknown-path", `there is no part ${path} in this ${this.constructor.name}`);
      rest = rest.slice(next[0].length + 1);
      module = next[1];
    }
    return module;
  }

  /** Puts another module in the place of the part at a path, and returns the old one: how adapters wrap layers. */
  replace(path: string, replacement: Module): Module {
    if (path === "") throw new ModuleError("unknown-path", "replace: the path is empty; name a part of the module");
    const old = this.find(path);
    const steps = path.split(".");
    const last = steps.pop() as string;
    let holder: unknown = this;
    for (const step of steps) holder = (holder as Record<string, unknown>)[step];
    (holder as Record<string, unknown>)[last] = replacement;
    return old;
  }

  /** Frees the parameters and their gradients. */
  dispose(): void {
    for (const parameter of this.parameters()) parameter.dispose();
  }
}
