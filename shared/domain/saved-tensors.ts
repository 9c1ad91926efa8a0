/**
 * The tensors that `modules_to_save` selects, in their order: those of modules whose name, or that of a module around them, ends with an
 * entry. PEFT compares letters, not parts of names: `norm` selects `input_layernorm`. Source: peft `utils/other.py`, `_set_trainable`.
 */
export function savedTensors<T extends { readonly name: string }>(
  modulesToSave: readonly string[] | null | undefined,
  tensors: Iterable<T>,
): T[] {
  const entries = modulesToSave ?? [];
  if (entries.length === 0) return [];
  return [...tensors].filter(({ name }) => {
    const parts = name.split('.').slice(0, -1);
    return parts.some((_, i) => {
      const module = parts.slice(0, i + 1).join('.');
      return entries.some((entry) => module.endsWith(entry));
    });
  });
}
