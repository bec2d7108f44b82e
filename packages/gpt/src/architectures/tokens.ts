import type { ConfigFields } from "../folder/config-fields.ts";
import { generationFields, readGeneration } from "../folder/generation-config.ts";
import type { OnNote } from "../folder/notes.ts";
import type { GenerationDefaults } from "../generation.ts";

/** Ids that a class has where a `config.json` has no field for them, rather than null. */
export interface TokenDefaults {
  readonly bos_token_id?: number;
  readonly eos_token_id?: number;
}

/** Defaults for generation in a `config.json`, with those of the class. */
export function readTokens(fields: ConfigFields, { bos_token_id: start, eos_token_id: stop }: TokenDefaults, onNote: OnNote): GenerationDefaults {
  const isThere = (name: string): boolean => fields.json(name) !== undefined;
  return {
    ...(start === undefined || isThere("bos_token_id") ? {} : { startToken: start }),
    ...(stop === undefined || isThere("eos_token_id") ? {} : { stopTokens: [stop] }),
    ...readGeneration(fields, onNote, false),
  };
}

/** The fields again. Ids that a model does not have are null: without a field it would have those of the class. */
export function writeTokens(generation: GenerationDefaults): Record<string, unknown> {
  const { bos_token_id = null, eos_token_id = null, pad_token_id = null } = generationFields(generation);
  return { bos_token_id, eos_token_id, pad_token_id };
}
