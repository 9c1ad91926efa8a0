/** Renders one conversation in a thread, as `catalog` does for a preview; bundled by `bundles.test.ts`. */
import { chatTemplate } from '../../shared/text/chat-template.ts';

const template = chatTemplate('{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}');
console.log(await template.render({ messages: [{ role: 'user', content: 'hello' }], addGenerationPrompt: false }));
await template.close();
