import { cacheDTypes, objectWith, oneOf } from "@gpt/tensor";

/** How keys and values are stored, and where. */
export const cacheDTypeExpected = oneOf(cacheDTypes);
export const backendExpected = objectWith("a backend", "kernels", "memory");
