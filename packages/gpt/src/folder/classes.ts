import type { Architecture, TensorNames } from "../architectures/architecture.ts";
import type { HeadConfig } from "../config.ts";
import type { ConfigFields } from "./config-fields.ts";

/**
 * Classifiers in folders, which all architectures of Hugging Face's have alike: transformers at v5.18.0, modeling_layers.py,
 * GenericForSequenceClassification, and GPT2ForSequenceClassification as OpenAI's. `score` gives a number for each class behind
 * the last token that is no padding.
 */
export const scoreName = "score.weight";

/** The most classes that are read. */
const maxClasses = 100_000;

/** The class of the classifier that is made of a language model, by its name. */
export function classifierOf(languageModel: string): string {
  return languageModel.replace(/(LMHeadModel|ForCausalLM)$/, "ForSequenceClassification");
}

/** The head of a classifier, where `architectures` says that the file is one's. Throws `unsupported-model` and `invalid-file`. */
export function readClasses(fields: ConfigFields): HeadConfig | undefined {
  if (!fields.has("architectures") || !/"\w+ForSequenceClassification"/.test(fields.json("architectures") as string)) return undefined;
  if (fields.has("problem_type") && fields.text("problem_type") !== "single_label_classification") {
    throw fields.error("unsupported-model", `problem_type ${fields.json("problem_type")} is not supported; "single_label_classification" is`);
  }
  return { type: "classes", labels: labelsOf(fields) };
}

/** (P) PreTrainedConfig: two classes where the file says nothing, and `id2label` by the texts of numbers. */
function labelsOf(fields: ConfigFields): string[] {
  if (!fields.has("id2label")) {
    const count = fields.number(
      "num_labels", 2, `a whole number from 1 to ${maxClasses}`, (value) => Number.isSafeInteger(value) && value >= 1 && value <= maxClasses,
    );
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  const names = fields.object("id2label");
  const count = names.names.length;
  if (count > maxClasses) throw fields.error("unsupported-model", `id2label has ${count} classes, more than ${maxClasses}`);
  return Array.from({ length: count }, (_, i) => names.text(`${i}`));
}

/** An architecture that writes classifiers: of its language model all but the head. */
export function classifier({ write, tensorsOf, ...architecture }: Architecture, labels: readonly string[]): Architecture {
  const asLanguageModel = <M extends { readonly config: object }>(model: M): M => ({ ...model, config: { ...model.config, head: { type: "linear" } } });
  return {
    ...architecture,
    write(model) {
      const fields = write(asLanguageModel(model));
      if (typeof fields === "string") return fields;
      const { stopTokens: [endToken] = [null], padToken = endToken } = model.generation;
      return {
        ...fields,
        architectures: (fields.architectures as readonly string[]).map(classifierOf),
        id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
        label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
        problem_type: "single_label_classification",
        // Without one transformers refuses batches.
        pad_token_id: padToken,
      };
    },
    tensorsOf: (model) => withScore(tensorsOf(asLanguageModel(model))),
  };
}

/** The head's name is another, and a language model's head beside it is none of the model. */
export function withScore({ layoutOf, plainName, fullName, treatmentOf }: TensorNames): TensorNames {
  return {
    layoutOf: (slot) => (slot.role === "head" ? { tensor: scoreName } : layoutOf(slot)),
    plainName,
    fullName: (name) => (name === scoreName ? name : (fullName?.(name) ?? name)),
    treatmentOf: (name) => (name.startsWith("lm_head.") ? "noted" : name.startsWith("score.") ? "refused" : treatmentOf(name)),
  };
}
