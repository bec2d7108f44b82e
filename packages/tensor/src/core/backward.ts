import { TensorError } from "../errors.ts";
import { formatShape, sameShape } from "../shape.ts";
import { keep, scope } from "./scope.ts";
import { noGrad } from "./tape.ts";
import type { GradientNode } from "./tape.ts";
import type { Tensor } from "./tensor.ts";

/** Reverse-mode differentiation from `root`; see `Tensor.backward`. */
export function backward(root: Tensor, seed?: Tensor): void {
  const start = root.node;
  if (!start && !root.requiresGrad) {
    throw new TensorError(
      "no-gradient",
      "backward: no gradient flows to this tensor; it was made under noGrad, or from tensors without requiresGrad",
    );
  }
  if (!seed && root.size !== 1) {
    throw new TensorError(
      "invalid-shape",
      `backward: ${formatShape(root.shape)} is not a scalar; reduce it (mean, sum) or pass a gradient of its shape`,
    );
  }
  if (seed && !sameShape(seed.shape, root.shape)) {
    throw new TensorError(
      "invalid-shape",
      `backward: the gradient is ${formatShape(seed.shape)}, the tensor ${formatShape(root.shape)}`,
    );
  }
  noGrad(() => {
    scope(() => {
      const first = seed ? seed.view() : ones(root);
      if (!start) return addToLeaf(root, first);
      const gradients = new Map<GradientNode, Tensor>([[start, keep(first)]]);
      try {
        for (const node of descending(start)) {
          const gradient = gradients.get(node);
          if (!gradient) continue;
          propagate(node, gradient, gradients);
          gradients.delete(node);
          gradient.dispose();
        }
      } finally {
        for (const gradient of gradients.values()) gradient.dispose();
      }
    });
  });
}

/** Runs one gradient rule and adds its results to what its inputs have so far. */
function propagate(node: GradientNode, gradient: Tensor, gradients: Map<GradientNode, Tensor>): void {
  scope(() => {
    const contributions = node.backward(gradient);
    // Leaves last: by then their contributions are known to be shared with nodes, where they are.
    for (const kind of ["node", "leaf"] as const) {
      contributions.forEach((contribution, input) => {
        const edge = node.edges[input];
        if (!contribution || edge.kind !== kind) return;
        if (edge.kind === "leaf") addToLeaf(edge.leaf, contribution);
        else gradients.set(edge.node, sum(gradients.get(edge.node), contribution));
      });
    }
  });
}

/** Adds to the gradient of a leaf, which the leaf owns alone, since others may write to it in place. */
function addToLeaf(leaf: Tensor, contribution: Tensor): void {
  if (leaf.disposed) return;
  if (leaf.grad) {
    addInPlace(leaf.grad, contribution);
  } else if (contribution.isDense && contribution.storage.references === 1) {
    leaf.grad = keep(contribution.view());
  } else {
    leaf.grad = keep(contribution.allocateLike());
    contribution.backend.kernels.copy({ x: contribution, out: leaf.grad });
  }
}

/** The sum of both, to be passed on: it may share memory with others, and is written to only where it does not. */
function sum(soFar: Tensor | undefined, contribution: Tensor): Tensor {
  if (!soFar) return keep(contribution.view());
  if (soFar.isDense && soFar.storage.references === 1) return addInPlace(soFar, contribution);
  const out = keep(soFar.allocateLike());
  out.backend.kernels.binary({ op: "add", a: soFar, b: contribution, out });
  soFar.dispose();
  return out;
}

function addInPlace(target: Tensor, contribution: Tensor): Tensor {
  target.overwrite("backward");
  target.backend.kernels.binary({ op: "add", a: target, b: contribution, out: target });
  return target;
}

/** All ops that `start` depends on, itself first, each before those it depends on. */
function descending(start: GradientNode): GradientNode[] {
  const seen = new Set([start]);
  for (const node of seen) for (const edge of node.edges) if (edge.kind === "node") seen.add(edge.node);
  return [...seen].sort((a, b) => b.order - a.order);
}

function ones(like: Tensor): Tensor {
  const out = like.allocateLike();
  like.backend.kernels.fill({ value: 1, out });
  return out;
}
