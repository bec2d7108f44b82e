import type { BackendArea } from "./api/backend.ts";
import type { InsideArea } from "./api/inside.ts";
import type { ModelArea } from "./api/model.ts";
import type { Reply } from "./api/reply.ts";
import type { TokensArea } from "./api/tokens.ts";
import type { TrainingArea } from "./api/training.ts";
import type { TuningArea } from "./api/tuning.ts";
import type { WritingArea } from "./api/writing.ts";

/** What the page asks its Worker, and what it is told: all of it can be cloned. An area is what a screen, or a panel, needs. */
export interface EngineApi extends BackendArea, ModelArea, TokensArea, InsideArea, TrainingArea, TuningArea, WritingArea {
  /** Stops long work by its number. */
  stop(job: number): Promise<Reply<void>>;
}
