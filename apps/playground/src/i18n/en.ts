import { backend } from "./en/backend.ts";
import { errors } from "./en/errors.ts";
import { frame } from "./en/frame.ts";
import { inside } from "./en/inside.ts";
import { lessons } from "./en/lessons.ts";
import { model } from "./en/model.ts";
import { saving } from "./en/saving.ts";
import { share } from "./en/share.ts";
import { tokens } from "./en/tokens.ts";
import { train } from "./en/train.ts";
import { tune } from "./en/tune.ts";
import { write } from "./en/write.ts";

/** The texts of the page. Others have its type, so that what is missing does not compile. */
export const en = { ...frame, model, backend, errors, lessons, saving, share, tokens, inside, train, tune, write };

export type Words = typeof en;
