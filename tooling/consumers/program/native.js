// Computes by the machine's BLAS, and prints what it was, as JSON; or why there is none.
import { matmul, ones, useBackend } from "@gpt/tensor";
import { native } from "@gpt/tensor/native";

try {
  const backend = await native({ threads: 2 });
  useBackend(backend);
  const product = await matmul(ones([300, 400]), ones([400, 500])).data();
  console.log(JSON.stringify({ name: backend.name, sum: product.reduce((sum, value) => sum + value) }));
  backend.dispose();
} catch (error) {
  console.log(JSON.stringify({ problem: error.message }));
}
