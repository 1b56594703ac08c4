// Zod's datetime() takes no offset unless it is told to: docs/clients.md.
const zod = { name: "zod", dates: { offset: true } };

export default {
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk", zod],
};
