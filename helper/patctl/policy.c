/* SPDX-License-Identifier: ISC */
#include <jansson.h>

#include "client.h"
#include "commands.h"
#include "output.h"
#include "request.h"
#include "table.h"
#include "tell.h"

static int print(const struct options *options, const json_t *rules)
{
	static const struct table_column columns[] = {
		{"RULE", TABLE_WHOLE}, {"FROM", TABLE_WHOLE}, {"VALUE", TABLE_WRAP}};
	struct table *table = table_new(options, columns, sizeof(columns) / sizeof(columns[0]));
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		const char *cells[] = {token_text(rule, "name"), token_text(rule, "origin"),
				       token_text(rule, "value")};

		table_add(table, cells, TABLE_PLAIN);
	}
	return table_print(table);
}

int command_policy(const struct options *options)
{
	json_t *parameters, *answer, *rules;
	int status = request_begin(options, &parameters);

	if (status != STATUS_OK)
		return status;
	status = client_ask(options, "Policy", parameters, &answer);
	json_decref(parameters);
	if (status != STATUS_OK)
		return status;
	rules = json_object_get(answer, "rules");
	if (!json_is_array(rules)) {
		complain("patd sent no rules");
		status = STATUS_FAILED;
	} else if (given(options, OPTION_JSON)) {
		output_json(rules);
	} else {
		status = print(options, rules);
	}
	json_decref(answer);
	return status;
}
