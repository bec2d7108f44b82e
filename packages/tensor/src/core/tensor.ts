import type { Backend, View } from "../contract/index.ts";
import type { DataOf, DType } from "../dtype.ts";
import { createData } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { denseStrides, formatShape, isDense, sizeOf } from "../shape.ts";
import type { Shape, Strides } from "../shape.ts";
import { formatValues } from "./format.ts";
import { Handle } from "./handle.ts";
import { enterScope, leaveScope } from "./scope.ts";
import { Storage } from "./storage.ts";
import type { GradientNode } from "./tape.ts";
import { backward } from "./backward.ts";

/** A tensor of either dtype. */
export type AnyTensor = Tensor<DType>;

/** How a tensor lies in its storage. */
export interface Layout {
  readonly shape: Shape;
  readonly strides: Strides;
  readonly offset: number;
}

/**
 * An n-dimensional array of f32 or i32 on a backend: a handle on a shared storage, freed by `dispose()`, `using`, or the `scope` in
 * which it was made. Ops are functions (`add(a, b)`) and never consume or change their inputs.
 *
 * ```ts
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * sum(mul(x, x)).backward();
 * console.log(x.shape, await x.grad!.data());
 * ```
 */
export class Tensor<D extends DType = "f32"> extends Handle implements View<D> {
  readonly dtype: D;
  /** Whether `backward` accumulates into `grad`. Set it on leaves (parameters), before they are used. */
  requiresGrad = false;
  /** The accumulated gradient of a leaf, with its shape; owned by this tensor. */
  grad: Tensor | undefined;
  /** What made this tensor, where a gradient can flow through it, and the version of its storage then. */
  #node: GradientNode | undefined;
  #madeAt = 0;
  #storage: Storage;
  #layout: Layout;
  #disposed = false;

  /** Takes over one reference to `storage`. */
  private constructor(storage: Storage, dtype: D, layout: Layout) {
    super();
    this.#storage = storage;
    this.dtype = dtype;
    this.#layout = layout;
    enterScope(this);
  }

  /** @internal A new dense tensor with unspecified contents. */
  static allocate<D extends DType>(backend: Backend, dtype: D, shape: Shape): Tensor<D> {
    const storage = new Storage(backend, sizeOf(shape));
    return new Tensor(storage, dtype, { shape, strides: denseStrides(shape), offset: 0 });
  }

  /** @internal A new dense f32 tensor of this shape on the same backend, with unspecified contents. */
  allocateLike(): Tensor {
    return Tensor.allocate(this.backend, "f32", this.shape);
  }

  /** The lengths of the axes. */
  get shape(): Shape {
    return this.#layout.shape;
  }

  /** For each axis, how many elements apart its neighbours lie. */
  get strides(): Strides {
    return this.#layout.strides;
  }

  /** Where the first element lies in the buffer, in elements. */
  get offset(): number {
    return this.#layout.offset;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Where it lives. */
  get backend(): Backend {
    return this.#storage.backend;
  }

  /** The backend's number of the buffer. */
  get buffer(): number {
    return this.storage.buffer;
  }

  /** @internal */
  get storage(): Storage {
    this.checkAlive();
    return this.#storage;
  }

  /** Whether it was freed. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** @internal Refuses a tensor that was freed, by the name of the op that needs it. */
  checkAlive(op?: string): void {
    if (!this.#disposed) return;
    throw new TensorError(
      "disposed",
      `${op ? `${op}: a` : "this"} tensor ${formatShape(this.shape)} was freed before; return it from its scope, ` +
        "call keep(tensor) inside, or dispose of it later",
    );
  }

  /** @internal What made this tensor. Throws `overwritten` where its values are no longer those. */
  get node(): GradientNode | undefined {
    if (this.#node && this.#storage.version !== this.#madeAt) {
      throw new TensorError(
        "overwritten",
        `a result of ${this.#node.op} ${formatShape(this.shape)} was changed in place: no gradient flows through it; ` +
          "detach() it, or change a copy",
      );
    }
    return this.#node;
  }

  /** @internal Whether the values lie row-major without gaps. */
  get isDense(): boolean {
    return isDense(this.shape, this.strides);
  }

  /** @internal Another handle on the same values with another layout, not connected to the tape. */
  view(layout: Layout = this.#layout): Tensor<D> {
    return new Tensor(this.storage.retain(), this.dtype, layout);
  }

  /** The same values, cut off from the tape: no gradient flows through it. */
  detach(): Tensor<D> {
    return this.view();
  }

  /** @internal Connects the result of an op to the tape. */
  attach(node: GradientNode): void {
    this.#node = node.retain();
    this.#madeAt = this.storage.version;
  }

  /**
   * @internal Called before the values are changed in place, so that gradients that need what they were are refused. Throws
   * `overwritten` for the result of an op, whose gradient would go to what it was made from.
   */
  overwrite(op: string): void {
    if (this.#node) {
      throw new TensorError(
        "overwritten",
        `${op}: ${formatShape(this.shape)} is a result of ${this.#node.op}, through which a gradient flows; ` +
          "only leaves and what was made under noGrad are changed in place: detach() it, or change a copy",
      );
    }
    this.storage.version++;
  }

  /**
   * @internal Copies the values to `target`, which has the same shape, and makes this handle point there: how an optimiser lays
   * parameters side by side.
   */
  moveTo(target: Tensor<D>): void {
    target.overwrite("moveTo");
    this.backend.kernels.copy({ x: this, out: target });
    const old = this.storage;
    this.#storage = target.storage.retain();
    this.#layout = target.#layout;
    this.#madeAt = this.#storage.version;
    old.release();
  }

  /** A copy of the values that it has when this is called, row-major. */
  async data(): Promise<DataOf<D>> {
    if (this.size === 0) return createData(this.dtype, 0);
    if (this.isDense) return this.backend.read(this);
    const copy = this.copy();
    try {
      return await this.backend.read(copy);
    } finally {
      copy.dispose();
    }
  }

  /** A copy of the values at once. Backends that cannot read without waiting (GPUs) throw; `data()` always works. */
  dataSync(): DataOf<D> {
    if (!this.backend.readSync) {
      throw new TensorError(
        "invalid-argument",
        `the backend ${this.backend.name} cannot be read synchronously: use \`await tensor.data()\``,
      );
    }
    if (this.size === 0) return createData(this.dtype, 0);
    if (this.isDense) return this.backend.readSync(this);
    const copy = this.copy();
    try {
      return this.backend.readSync(copy);
    } finally {
      copy.dispose();
    }
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new TensorError("invalid-shape", `item: ${formatShape(this.shape)} has ${this.size} elements, not one`);
    }
    return (await this.data())[0];
  }

  /**
   * Back-propagates from this scalar: adds the gradient of every leaf with `requiresGrad` to its `grad`, and frees
   * the tape behind it. With `gradient`, of this tensor's shape, starts from that instead of 1.
   */
  backward(gradient?: Tensor): void {
    if (this.dtype !== "f32") throw new TensorError("invalid-dtype", "backward: an i32 tensor has no gradient");
    backward(this as unknown as Tensor, gradient);
  }

  /** Frees this handle, its gradient, and with the last handle the memory. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    leaveScope(this);
    this.#node?.release();
    this.#node = undefined;
    this.grad?.dispose();
    this.grad = undefined;
    this.#storage.release();
  }

  /** Shape, dtype, backend, and the values where they can be read at once. */
  override toString(): string {
    const head = `Tensor(${formatShape(this.shape)}, ${this.dtype}, ${this.backend.name}`;
    if (this.#disposed) return `${head}, freed)`;
    if (!this.backend.readSync) return `${head})`;
    return `${head}) ${formatValues(this.dataSync(), this.shape)}`;
  }

  private copy(): Tensor<D> {
    const copy = Tensor.allocate(this.backend, this.dtype, this.shape);
    this.backend.kernels.copy({ x: this, out: copy });
    return copy;
  }
}
