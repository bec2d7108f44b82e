import { writeFile } from "node:fs/promises";
import { readRecords } from "@gpt/train/node";

// The texts "one" and "two", as hyparquet-writer writes them.
const parquet = "UEFSMRUGFSAVJFwVBBUAFQQVABUEFQAAAAMDDjQDAAAAb25lAwAAAHR3bxUEGSxIBHJvb3QVAgAVDCUCGAR0ZXh0JQAAFgQZHBkcJggcFQwZFQAZGAR0ZXh0FQIWBBZKFk4mCAAAFkoWBDZOACgJaHlwYXJxdWV0GRwcAAAAUwAAAFBBUjE=";

await writeFile("a.parquet", Buffer.from(parquet, "base64"));
await writeFile("b.csv", "id,text\n1,three\n");
const texts = [];
for await (const { value } of readRecords(["*.{parquet,csv}"], { columns: { text: "text" } })) texts.push(value.text);
console.log(JSON.stringify(texts));
