package dialect

// ScalingAdapter returns the templates of our own contract, that of
// docs/orchestrator-api.md.
func ScalingAdapter() Templates {
	return Templates{
		Read: Read{Request: Request{Path: "/pools/{{.Pool}}"}, Agents: "$.agents", Ready: "$.ready"},
		Scale: Scale{Request: Request{
			Method: put, Path: "/pools/{{.Pool}}/scale",
			Headers: map[string]string{"Idempotency-Key": "{{.DecisionID}}"},
			Body:    `{"agents":{{.Agents}},"from":{{.From}},"reason":{{.Reason}},"decision_id":{{.DecisionID}}}`,
		}},
	}
}

// Kubernetes returns the templates of an API server that runs a pool's agents as
// the pods of a workload.
//
// The workload itself is read, since its scale subresource tells how many pods
// there are and not how many are ready; the subresource is what is changed, since
// that takes the least rights. The patch tests the number that the decision was
// made for: it conflicts when somebody else scaled, and not with each pod that
// becomes ready, as a resource version would. A scale of none has no replicas,
// which JSON patch tests as null.
//
// Names are templates too; resource is deployments, statefulsets or replicasets.
func Kubernetes(namespace, resource, name string) Templates {
	const object = "/apis/apps/v1/namespaces/{{.Names.namespace}}/{{.Names.resource}}/{{.Names.name}}"
	return Templates{
		Names: map[string]string{"namespace": namespace, "resource": resource, "name": name},
		Read:  Read{Request: Request{Path: object}, Agents: "$.spec.replicas", Ready: "$.status.readyReplicas", ReadyIfMissing: NoneReady},
		Scale: Scale{
			Request: Request{
				Method: patch, Path: object + "/scale?fieldManager=scaling-adapter",
				Headers: map[string]string{"Content-Type": "application/json-patch+json"},
				Body: `[{"op":"test","path":"/spec/replicas","value":{{if .From}}{{.From}}{{else}}null{{end}}},` +
					`{"op":"add","path":"/spec/replicas","value":{{.Agents}}}]`,
			},
			// 422 is also how a number is refused, with other words.
			Conflicts: []Answer{{Status: 409}, {Status: 422, Contains: "the server rejected our request due to an error in our request"}},
		},
	}
}

// Nomad returns the templates of a Nomad server that runs a pool's agents as a
// task group of a job.
//
// Running allocations are the ready ones: healthy are counted only for jobs
// whose deployments watch their health. The job's index is sent back, so that
// Nomad notices when the job has changed; a server that does not know the index
// ignores it. While a deployment runs Nomad scales nothing; that ends by itself
// and is no failure.
func Nomad(namespace, job, group string) Templates {
	const path = "/v1/job/{{.Names.job}}/scale?namespace={{.Names.namespace}}"
	return Templates{
		Names: map[string]string{"namespace": namespace, "job": job, "group": group},
		Read: Read{
			Request: Request{Path: path},
			Agents:  "$.TaskGroups[{{.Names.group}}].Desired", Ready: "$.TaskGroups[{{.Names.group}}].Running",
			Values: map[string]string{"index": "$.JobModifyIndex"},
		},
		Scale: Scale{
			Request: Request{
				Method: post, Path: path,
				Body: `{"Count":{{.Agents}},"Target":{"Job":{{.Names.job}},"Group":{{.Names.group}}},"Message":{{.Reason}},` +
					`"Meta":{"decision_id":{{.DecisionID}}},"JobModifyIndex":{{.Value "index"}}}`,
			},
			Conflicts: []Answer{{Status: 409}, {Status: 500, Contains: "Enforcing job modify index"}, {Status: 400, Contains: "active deployment"}},
		},
	}
}
