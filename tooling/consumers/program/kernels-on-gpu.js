/** Says what is wrong with the first cases of each kernel on the GPU: as many as the argument says. */
import { checkCase, conformanceCases } from "@gpt/tensor/testing";
import { webgpu } from "@gpt/tensor/webgpu";

const most = Number(process.argv[2]);
const backend = await webgpu();
const counts = {};
const problems = [];
for (const subject of conformanceCases({ indexErrors: false, subnormals: false })) {
  counts[subject.kernel] = (counts[subject.kernel] ?? 0) + 1;
  if (counts[subject.kernel] > most) continue;
  await checkCase(subject, backend).catch((error) => problems.push(error.message));
}
console.log(JSON.stringify({ kernels: Object.keys(counts), problems }));
backend.dispose();
