import type { Words } from "./en.ts";
import { backend } from "./zh/backend.ts";
import { errors } from "./zh/errors.ts";
import { frame } from "./zh/frame.ts";
import { inside } from "./zh/inside.ts";
import { lessons } from "./zh/lessons.ts";
import { model } from "./zh/model.ts";
import { saving } from "./zh/saving.ts";
import { share } from "./zh/share.ts";
import { tokens } from "./zh/tokens.ts";
import { train } from "./zh/train.ts";
import { tune } from "./zh/tune.ts";
import { write } from "./zh/write.ts";

export const zh: Words = { ...frame, model, backend, errors, lessons, saving, share, tokens, inside, train, tune, write };
