import { workspace } from "@gpt/config/eslint";

/** The types that other libraries ship are not always complete. */
const unsafe = ["assignment", "call", "member-access"].map((what) => [`@typescript-eslint/no-unsafe-${what}`, "off"]);

export default [...workspace(import.meta.dirname), { rules: Object.fromEntries(unsafe) }];
