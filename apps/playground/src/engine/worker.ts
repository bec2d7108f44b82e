import { expose } from "comlink";
import type { EngineApi } from "./api.ts";
import { backendArea } from "./areas/backend.ts";
import { insideArea } from "./areas/inside.ts";
import { modelArea } from "./areas/model.ts";
import { tokensArea } from "./areas/tokens.ts";
import { trainingArea } from "./areas/training.ts";
import { tuningArea } from "./areas/tuning.ts";
import { writingArea } from "./areas/writing.ts";
import { reply } from "./failure.ts";
import { Session } from "./session.ts";

const session = new Session();

const api: EngineApi = {
  ...backendArea(session),
  ...modelArea(session),
  ...tokensArea(session),
  ...insideArea(session),
  ...trainingArea(session),
  ...tuningArea(session),
  ...writingArea(session),
  stop: (job) => reply(() => session.stop(job)),
};

expose(api);
