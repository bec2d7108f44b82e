import type { Reply } from "./reply.ts";

export type BackendChoice = "auto" | "webgpu" | "threads" | "single";

/** Why a backend is not to be had, or not taken. */
export type Obstacle = "no-webgpu" | "no-adapter" | "software-adapter" | "not-isolated" | "no-threads" | "one-core" | "failed";

/** What this place has. */
export interface Places {
  readonly webgpu: { readonly adapter: string; readonly isSoftware: boolean } | { readonly obstacle: Obstacle };
  readonly threads: { readonly count: number } | { readonly obstacle: Obstacle };
}

export interface BackendReport {
  readonly kind: "webgpu" | "wasm";
  readonly threads: number;
  /** The GPU, for people. */
  readonly adapter?: string;
  /** Why what would be faster was not taken. */
  readonly obstacles: readonly Obstacle[];
  /** What an obstacle `failed` says. */
  readonly detail?: string;
}

export interface BackendArea {
  /** What the machine and the page allow. */
  places(): Promise<Reply<Places>>;
  /** Starts a backend, in the place of the one before, whose model is gone. */
  start(choice: BackendChoice): Promise<Reply<BackendReport>>;
}
