export async function benchExtract(_sizes: readonly number[]): Promise<void> {}
