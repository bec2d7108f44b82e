import type { GPTConfig } from "../config.ts";
import type { GPTOptions } from "../short-form.ts";
import type { Architecture, TensorNames } from "./architecture.ts";
import { gpt2Tensors } from "./gpt2.ts";

/** Version 1, which has no number in its file, had the short form of a configuration, and the tensors of gpt2. */
const version = 2;

/** Nobody else writes such folders, so that there is nothing beside the weights. */
const treatmentOf = (): "refused" => "refused";
const tensors: TensorNames = { layoutOf: ({ path }) => ({ tensor: path }), plainName: (name) => name, treatmentOf };

/** This project's own: any configuration, and whatever weights a model has, under their own paths. */
export const gptTypescript: Architecture = {
  modelType: "gpt-typescript",
  read(fields) {
    const found = fields.has("version") ? fields.count("version") : 1;
    if (found > version) {
      throw fields.error("unsupported-model", `version is ${found}, this program reads up to ${version}: update it`);
    }
    const settings = fields.names.filter((name) => name !== "model_type" && name !== "version");
    const values = settings.map((name) => [name, JSON.parse(fields.json(name) as string)] as [string, unknown]);
    return {
      config: Object.fromEntries(values) as unknown as GPTOptions | GPTConfig,
      generation: {},
      tensors: found === 1 ? { ...gpt2Tensors, treatmentOf } : tensors,
    };
  },
  write: ({ config }) => ({ version, ...config }),
  tensorsOf: () => tensors,
  holdsAnyWeights: true,
};
