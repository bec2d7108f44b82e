import type { BackendChoice, Obstacle, Places } from "./api/backend.ts";

export interface Decision {
  readonly take: "webgpu" | "threads" | "single";
  /** Why nothing faster, or not what was chosen. */
  readonly obstacles: readonly Obstacle[];
}

/**
 * WebGPU unless software computes it, else threads, else one thread. What is chosen is taken where it is to be had; a choice of an
 * earlier visit may not be.
 */
export function chooseBackend(choice: BackendChoice, { webgpu, threads }: Places): Decision {
  if (choice === "single") return { take: "single", obstacles: [] };
  const obstacles: Obstacle[] = [];
  if (choice !== "threads") {
    const obstacle = "obstacle" in webgpu ? webgpu.obstacle : choice === "auto" && webgpu.isSoftware ? "software-adapter" : undefined;
    if (!obstacle) return { take: "webgpu", obstacles };
    obstacles.push(obstacle);
  }
  if (!("obstacle" in threads)) return { take: "threads", obstacles };
  return { take: "single", obstacles: [...obstacles, threads.obstacle] };
}
