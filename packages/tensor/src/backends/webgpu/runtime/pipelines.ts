import type { Bindings, Dispatch } from "./program.ts";
import { keyOf, labelOf, sourceOf } from "./program.ts";
import { computeStage } from "./usage.ts";

/** A program, compiled or on the way. */
export interface Pipeline {
  readonly name: string;
  /** Which of its bindings are written: programs with the same ones share a layout. */
  readonly access: string;
  readonly layout: GPUBindGroupLayout;
  /** Absent until `ready`. */
  compiled?: GPUComputePipeline;
  /** Rejects where the device refuses the program. */
  readonly ready: Promise<void>;
}

/** The compiled programs, each made once. */
export class Pipelines {
  readonly #device: GPUDevice;
  /** The layout of what holds the values. */
  readonly valuesLayout: GPUBindGroupLayout;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(device: GPUDevice) {
    this.#device = device;
    this.valuesLayout = device.createBindGroupLayout({
      label: "values",
      entries: [{ binding: 0, visibility: computeStage, buffer: { type: "uniform", hasDynamicOffset: true } }],
    });
  }

  /** The program of a call; a new one is compiled while the caller goes on. */
  get(dispatch: Dispatch, bindings: Bindings): Pipeline {
    const key = keyOf(dispatch, bindings);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(dispatch, bindings);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  #compile(dispatch: Dispatch, bindings: Bindings): Pipeline {
    const { name } = dispatch;
    const label = labelOf(dispatch);
    const access = bindings.bindings.map(({ writes }) => (writes ? "w" : "r")).join("");
    const layout = this.#layoutOf(access, label);
    const module = this.#device.createShaderModule({ label, code: sourceOf(dispatch, bindings) });
    const compiling = this.#device.createComputePipelineAsync({
      label,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout, this.valuesLayout] }),
      compute: { module, entryPoint: "main" },
    });
    const pipeline: Pipeline = {
      name,
      access,
      layout,
      ready: compiling.then((compiled) => void (pipeline.compiled = compiled)),
    };
    // Whoever needs it waits for `ready` and hears of a failure there.
    pipeline.ready.catch(() => undefined);
    return pipeline;
  }

  #layoutOf(access: string, label: string): GPUBindGroupLayout {
    let layout = this.#layouts.get(access);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        label,
        entries: [...access].map((letter, binding) => ({
          binding,
          visibility: computeStage,
          buffer: { type: letter === "w" ? "storage" : "read-only-storage" },
        })),
      });
      this.#layouts.set(access, layout);
    }
    return layout;
  }
}
