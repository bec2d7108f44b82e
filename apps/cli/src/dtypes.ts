import type { Option } from "commander";
import type { WeightDType } from "@gpt/tensor";

/** What GGUF calls the blocks of some dtypes. */
const ggufNames: { readonly [D in WeightDType]?: string } = { int8: "q8_0", int4: "q4_0" };

/** Lets an option take dtypes, by GGUF's names too. Its value is ours. */
export function dtypeChoices(option: Option, dtypes: readonly WeightDType[]): Option {
  const byName = new Map(dtypes.flatMap((dtype) => [[dtype, dtype], [ggufNames[dtype] ?? dtype, dtype]]));
  option.choices([...byName.keys()]);
  const { parseArg: check } = option;
  return option.argParser((name: string, previous: WeightDType | undefined) => {
    check?.(name, previous);
    return byName.get(name) as WeightDType;
  });
}

/** A dtype as messages name it, with GGUF's name where it has one. */
export function dtypeName(dtype: WeightDType): string {
  const other = ggufNames[dtype];
  return other === undefined ? dtype : `${dtype} (${other})`;
}

/** As what GGUF stores a dtype, as names of files have it: `Q8_0`. */
export function ggufSuffix(dtype: WeightDType): string {
  return (ggufNames[dtype] ?? dtype).toUpperCase();
}
